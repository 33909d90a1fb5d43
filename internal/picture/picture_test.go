package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"slices"
	"strings"
	"testing"
)

const trials = "../../testdata/trials/"

func load(t testing.TB, name string) *Picture {
	t.Helper()
	b, err := os.ReadFile(trials + name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Decode(b, MaxPixels)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// letter is a picture whose eight orientations all differ: red at the left end of its
// first row, green at the right end.
func letter() *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	m.SetNRGBA(0, 0, color.NRGBA{255, 0, 0, 255})
	m.SetNRGBA(2, 0, color.NRGBA{0, 255, 0, 255})
	return m
}

func exif(order binary.AppendByteOrder, orientation uint16) []byte {
	head := "II*\x00"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		head = "MM\x00*"
	}
	b := order.AppendUint32([]byte(head), 8)
	b = order.AppendUint16(b, 2)
	b = append(order.AppendUint32(order.AppendUint16(order.AppendUint16(b, 0x010f), 2), 1), 0, 0, 0, 0)
	b = order.AppendUint32(order.AppendUint16(order.AppendUint16(b, 0x0112), 3), 1)
	return append(order.AppendUint16(b, orientation), 0, 0, 0, 0, 0, 0)
}

// with puts EXIF data behind a PNG's header.
func with(pngFile, data []byte) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	c = append(append(c, "eXIf"...), data...)
	c = binary.BigEndian.AppendUint32(c, 0)
	return slices.Concat(pngFile[:33], c, pngFile[33:])
}

func TestOrientation(t *testing.T) {
	// where red and green are once the picture is upright
	for o, want := range map[uint16]string{1: "3×2 0,0 2,0", 2: "3×2 2,0 0,0", 3: "3×2 2,1 0,1", 4: "3×2 0,1 2,1", 5: "2×3 0,0 0,2", 6: "2×3 1,0 1,2", 7: "2×3 1,2 1,0", 8: "2×3 0,2 0,0", 9: "3×2 0,0 2,0"} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			b := encode(t, letter())
			if got := orientation(with(b, exif(order, o))); got != int(o) && o < 9 {
				t.Fatalf("PNG: orientation %d, want %d", got, o)
			}
			if got := orientation(slices.Concat([]byte("\xff\xd8\xff\xe0\x00\x04xx\xff\xe1\x00\x2e"), []byte("Exif\x00\x00"), exif(order, o))); got != int(o) && o < 9 {
				t.Errorf("JPEG: orientation %d, want %d", got, o)
			}
			if got := orientation(slices.Concat([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x01\x00\x00\x00x\x00EXIF\x26\x00\x00\x00"), exif(order, o))); got != int(o) && o < 9 {
				t.Errorf("WebP: orientation %d, want %d", got, o)
			}
		}
		p := read(letter())
		if o > 1 && o < 9 {
			p = p.turn(int(o))
		}
		at := make(map[string]string)
		for i := 0; i < len(p.pix); i += 4 {
			x, y := i/4%p.Width, i/4/p.Width
			switch {
			case p.pix[i+1] == 0:
				at["red"] = fmt.Sprintf("%d,%d", x, y)
			case p.pix[i] == 0:
				at["green"] = fmt.Sprintf("%d,%d", x, y)
			}
		}
		if got := fmt.Sprintf("%d×%d %s %s", p.Width, p.Height, at["red"], at["green"]); got != want {
			t.Errorf("orientation %d: %s, want %s", o, got, want)
		}
	}
	p := load(t, "exif-rotated.jpg")
	if !p.Turned || p.Describe(p.Width, Cover) != "turned as its EXIF data say" {
		t.Errorf("a phone's picture: %+v", p.Describe(p.Width, Cover))
	}
}

// All kinds of files of one picture give the same bytes: grey, 16 bits, a palette,
// colours under transparency.
func TestKinds(t *testing.T) {
	const n = 8
	grey, grey16, rgb16, palette := image.NewGray(image.Rect(0, 0, n, n)), image.NewGray16(image.Rect(0, 0, n, n)), image.NewNRGBA64(image.Rect(0, 0, n, n)), image.NewPaletted(image.Rect(0, 0, n, n), nil)
	for i := range 256 {
		palette.Palette = append(palette.Palette, color.NRGBA{uint8(i), uint8(i), uint8(i), 255})
	}
	clear := image.NewNRGBA(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			v := uint8(4 * (y*n + x))
			grey.SetGray(x, y, color.Gray{v})
			grey16.SetGray16(x, y, color.Gray16{257 * uint16(v)})
			rgb16.SetNRGBA64(x, y, color.NRGBA64{257 * uint16(v), 257 * uint16(v), 257 * uint16(v), 0xffff})
			palette.SetColorIndex(x, y, v)
			clear.SetNRGBA(x, y, color.NRGBA{0, 0, 0, 255 - v})
		}
	}
	var want []byte
	for _, v := range grey.Pix {
		want = append(want, v, v, v)
	}
	for name, m := range map[string]image.Image{"8 bits": grey, "16 bits": grey16, "16 bits of colours": rgb16, "a palette": palette, "transparency": clear} {
		p, err := Decode(encode(t, m), MaxPixels)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.RGB(n, Cover); !bytes.Equal(got, want) {
			t.Errorf("%s: %v", name, got[:12])
		}
	}
	cmyk := image.NewCMYK(image.Rect(0, 0, 1, 1))
	cmyk.SetCMYK(0, 0, color.CMYK{0, 255, 255, 0})
	if got := read(cmyk).RGB(1, Cover); !bytes.Equal(got, []byte{255, 0, 0}) {
		t.Errorf("CMYK's red is %v", got)
	}
	p := load(t, "grey16.png")
	if got := p.RGB(p.Width, Cover); slices.Min(got) == slices.Max(got) {
		t.Error("16-bit grey has lost its levels")
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, grey, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(b.Bytes(), n*n-1); err == nil || !strings.Contains(err.Error(), "8×8 pixels, allowed are up to 63") {
		t.Errorf("%v", err)
	}
}

func TestFit(t *testing.T) {
	wide := image.NewNRGBA(image.Rect(0, 0, 4, 2)) // red, black, black, blue, from left to right
	for y := range 2 {
		for x := range 4 {
			wide.SetNRGBA(x, y, color.NRGBA{A: 255})
		}
		wide.SetNRGBA(0, y, color.NRGBA{R: 255, A: 255})
		wide.SetNRGBA(3, y, color.NRGBA{B: 255, A: 255})
	}
	p := read(wide)
	white, black, red, blue := []byte{255, 255, 255}, []byte{0, 0, 0}, []byte{255, 0, 0}, []byte{0, 0, 255}
	for fit, want := range map[Fit][]byte{
		Cover:   slices.Concat(black, black, black, black),
		Stretch: slices.Concat([]byte{128, 0, 0}, []byte{0, 0, 128}, []byte{128, 0, 0}, []byte{0, 0, 128}),
	} {
		if got := p.RGB(2, fit); !bytes.Equal(got, want) {
			t.Errorf("%s: %v, want %v", fit, got, want)
		}
	}
	row := slices.Concat(red, black, black, blue)
	bar := slices.Concat(white, white, white, white)
	if got := p.RGB(4, Contain); !bytes.Equal(got, slices.Concat(bar, row, row, bar)) {
		t.Errorf("contain: %v", got)
	}
	if got := p.Describe(2, Contain); got != "scaled from 4×2 to 2×2, fit contain" {
		t.Error(got)
	}
	if got := read(letter()).RGB(7, Stretch); len(got) != 3*49 || !bytes.Equal(got[:3], red) {
		t.Errorf("made larger: %v", got[:3])
	}
	if Fit("crop").Check() == nil || Fit("").Check() != nil {
		t.Error("names of fits")
	}
}

func TestMask(t *testing.T) {
	for name, want := range map[string]string{
		"mask-transparent.png": "what is transparent is painted anew: 256 of 1024 pixels",
		"mask-127.png":         "of the two levels 0 and 127 the brighter one is painted anew",
	} {
		p := load(t, name)
		mask, note, err := p.Mask(32, Cover)
		if err != nil || len(mask) != 1024 || !strings.HasPrefix(note, want) {
			t.Errorf("%s: %q, %v; want %q", name, note, err, want)
		}
	}
	levels := func(v ...uint8) *Picture {
		m := image.NewGray(image.Rect(0, 0, 2, 2))
		copy(m.Pix, v)
		return read(m)
	}
	for _, c := range []struct {
		p          *Picture
		mask, want string
	}{
		{levels(0, 0, 255, 255), "\x00\x00\xff\xff", "of the two levels 0 and 255"},
		{levels(10, 127, 128, 200), "\x00\x00\xff\xff", "from 128 on"},
		{levels(0, 0, 0, 0), "", "nothing to paint: brightnesses of 0 to 0"},
		{levels(1, 2, 3, 4), "", "nothing to paint: brightnesses of 1 to 4"},
		{levels(255, 255, 255, 255), "\xff\xff\xff\xff", "from 128 on"},
	} {
		mask, note, err := c.p.Mask(2, Cover)
		if err != nil {
			note = err.Error()
		}
		if string(mask) != c.mask || !strings.Contains(note, c.want) {
			t.Errorf("%v %q, want %q", mask, note, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"": "0 bytes", "RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02": "an animated WebP", "II*\x00\x08": "TIFF", "version https://git-lfs.github.com/spec/v1\n": "git lfs pull", "<html>": "HTML", "\x00\x00\x00\x18ftypheic\x00\x00": "HEIC",
		"\x89PNG\r\n\x1a\nxxxx": "damaged",
	} {
		if _, err := Decode([]byte(text), MaxPixels); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"exif-rotated.jpg", "grey16.png", "photo.png", "mask-127.png"} {
		b, err := os.ReadFile(trials + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(with(encode(f, letter()), exif(binary.LittleEndian, 6)))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x01\x00\x00\x00x\x00EXIF\x26\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b, 1<<14)
		if err != nil {
			return
		}
		for _, fit := range Fits() {
			for _, size := range []int{1, 5, 32} {
				if rgb := p.RGB(size, fit); len(rgb) != 3*size*size {
					t.Fatalf("%d bytes", len(rgb))
				}
				p.Mask(size, fit)
			}
		}
	})
}
