// Package picture reads the pictures that people have for an edit: turned as a camera
// says, of any size, in any colours, with transparency or with 16 bits a channel; and
// masks. All of it is whole-number arithmetic: the same file gives the same bytes
// everywhere.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // formats that are read
	_ "image/jpeg"
	_ "image/png"
	"strings"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/webp"

	"dit8/internal/textfile"
)

// MaxPixels is how many a picture may well have.
const MaxPixels = 1 << 26

// Formats are those that are read, in words.
const Formats = "PNG, JPEG, WebP, GIF or BMP"

// Fit is how a picture of another shape becomes a square.
type Fit string

// The ways.
const (
	Cover   Fit = "cover"   // its middle, cut off at two sides
	Contain Fit = "contain" // the whole of it, with white bars at two sides
	Stretch Fit = "stretch" // the whole of it, out of shape
)

// Fits are their names, the default first.
func Fits() []Fit { return []Fit{Cover, Contain, Stretch} }

// Check refuses other names. "" is Cover.
func (f Fit) Check() error {
	switch f {
	case "", Cover, Contain, Stretch:
		return nil
	}
	return fmt.Errorf("fit is %.40s, allowed: cover, contain or stretch", string(f))
}

// Picture is one as it is meant to be seen: 16 bits of red, green, blue and alpha a
// pixel, with colours that alpha is not multiplied into.
type Picture struct {
	Width, Height int
	Turned        bool // as its EXIF data say
	pix           []uint16
}

// Is tells by a file's first bytes, 64 suffice, whether it is a picture of a format that is read.
func Is(head []byte) bool {
	_, _, err := image.DecodeConfig(bytes.NewReader(head))
	return !errors.Is(err, image.ErrFormat)
}

// Decode reads a file's bytes, a picture of up to limit pixels.
func Decode(b []byte, limit int) (*Picture, error) {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(b)) // before anything of its size is allocated
	if err != nil {
		return nil, other(b, err)
	}
	if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > limit/cfg.Height {
		return nil, fmt.Errorf("the picture has %d×%d pixels, allowed are up to %d", cfg.Width, cfg.Height, limit)
	}
	src, _, err := image.Decode(bytes.NewReader(b))
	if err != nil && animated(string(b)) {
		return nil, other(b, err)
	}
	if err != nil {
		return nil, fmt.Errorf("the %s file is damaged: %w", strings.ToUpper(format), err)
	}
	p := read(src)
	if o := orientation(b); o > 1 {
		p = p.turn(o)
	}
	return p, nil
}

// animated tells a WebP with several pictures.
func animated(head string) bool { return len(head) > 20 && head[8:16] == "WEBPVP8X" && head[20]&2 != 0 }

// other says what a file is that is no picture.
func other(b []byte, err error) error {
	head := string(b[:min(len(b), 64)])
	switch {
	case len(b) == 0:
		return errors.New("the file has 0 bytes")
	case animated(head):
		return errors.New("this is an animated WebP, which is not read; read are " + Formats)
	case strings.HasPrefix(head, "II*\x00"), strings.HasPrefix(head, "MM\x00*"):
		return errors.New("this is a TIFF file, which is not read; read are " + Formats)
	case textfile.IsPointer(b):
		return errors.New("this is " + textfile.Pointer)
	case strings.HasPrefix(strings.ToLower(strings.TrimSpace(head)), "<"):
		return errors.New("this is an HTML or SVG text, not a picture of pixels; read are " + Formats)
	case len(head) > 12 && head[4:8] == "ftyp":
		return errors.New("this is a HEIC, AVIF or video file, which is not read; read are " + Formats)
	case errors.Is(err, image.ErrFormat):
		return errors.New("no picture that is read; read are " + Formats)
	}
	return fmt.Errorf("the picture is damaged: %w", err)
}

// read takes the pixels. Colours under an alpha of 0 are kept where the file has them.
func read(src image.Image) *Picture {
	b := src.Bounds()
	p := &Picture{Width: b.Dx(), Height: b.Dy(), pix: make([]uint16, 0, 4*b.Dx()*b.Dy())}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			switch m := src.(type) {
			case *image.NRGBA:
				c := m.NRGBAAt(x, y)
				p.pix = append(p.pix, 257*uint16(c.R), 257*uint16(c.G), 257*uint16(c.B), 257*uint16(c.A))
			case *image.NRGBA64:
				c := m.NRGBA64At(x, y)
				p.pix = append(p.pix, c.R, c.G, c.B, c.A)
			default:
				red, green, blue, a := src.At(x, y).RGBA() // premultiplied
				p.pix = append(p.pix, divided(red, a), divided(green, a), divided(blue, a), uint16(a))
			}
		}
	}
	return p
}

func divided(v, alpha uint32) uint16 {
	if alpha == 0 || alpha == 0xffff {
		return uint16(v)
	}
	return uint16(min(0xffff, (uint64(v)*0xffff+uint64(alpha)/2)/uint64(alpha)))
}

// turn brings a picture of an EXIF orientation upright.
func (p *Picture) turn(orientation int) *Picture {
	w, h := p.Width, p.Height
	t := &Picture{Width: w, Height: h, Turned: true, pix: make([]uint16, len(p.pix))}
	if orientation >= 5 {
		t.Width, t.Height = h, w
	}
	for y := range t.Height {
		for x := range t.Width {
			fx, fy := x, y // in p
			if orientation >= 5 {
				fx, fy = y, x
			}
			switch orientation {
			case 2, 7, 3, 8:
				fx = w - 1 - fx
			}
			switch orientation {
			case 3, 4, 6, 7:
				fy = h - 1 - fy
			}
			copy(t.pix[4*(y*t.Width+x):], p.pix[4*(fy*w+fx):4*(fy*w+fx)+4])
		}
	}
	return t
}

// Transparent tells whether a part of the picture is transparent, by half or more.
func (p *Picture) Transparent() bool {
	for i := 3; i < len(p.pix); i += 4 {
		if p.pix[i] < 0x8000 {
			return true
		}
	}
	return false
}

// RGB are the bytes of red, green and blue of size×size pixels. What is transparent
// becomes white.
func (p *Picture) RGB(size int, fit Fit) []byte {
	white := make([]uint16, 0, 3*p.Width*p.Height)
	for i := 0; i < len(p.pix); i += 4 {
		a := uint64(p.pix[i+3])
		for _, v := range p.pix[i : i+3] {
			white = append(white, uint16((uint64(v)*a+(0xffff-a)*0xffff+0x7fff)/0xffff))
		}
	}
	out := make([]byte, 0, 3*size*size)
	for _, v := range p.fitted(white, 3, size, fit, 0xffff) {
		out = append(out, uint8((uint32(v)*255+0x7fff)/0xffff))
	}
	return out
}

// Describe says what has been done with a picture to make it size×size.
func (p *Picture) Describe(size int, fit Fit) string {
	var s []string
	if p.Turned {
		s = append(s, "turned as its EXIF data say")
	}
	if p.Width != size || p.Height != size {
		text := fmt.Sprintf("scaled from %d×%d to %d×%[3]d", p.Width, p.Height, size)
		if p.Width != p.Height {
			text += fmt.Sprintf(", fit %s", fit.Or())
		}
		s = append(s, text)
	}
	return strings.Join(s, ", ")
}

// Or is the fit, or the default of "".
func (f Fit) Or() Fit {
	if f == "" {
		return Cover
	}
	return f
}
