package command

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dit8/core"
)

// picture writes an n×n PNG and returns its path.
func picture(t *testing.T, name string, n int, at func(x, y int) color.Color) string {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, n, n))
	for y := range n {
		for x := range n {
			img.Set(x, y, at(x, y))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// The metadata of an image makes it again, and flags overrule it.
func TestRequestFile(t *testing.T) {
	_, first, _ := classCmd("-mix", "fox,panda", "-seed", "9", "-steps", "2", "-solver", "ab2", "-json")
	file := filepath.Join(t.TempDir(), "meta.json")
	if err := os.WriteFile(file, []byte(first), 0o644); err != nil {
		t.Fatal(err)
	}
	var m, again core.Metadata
	_, out, errs := classCmd("-request", file, "-json")
	if json.Unmarshal([]byte(first), &m) != nil || json.Unmarshal([]byte(out), &again) != nil || again.SHA256 != m.SHA256 {
		t.Errorf("%s then %s %s", first, out, errs)
	}
	_, out, errs = classCmd("-request", file, "-class", "rose", "-steps", "1", "-json")
	again = core.Metadata{}
	if json.Unmarshal([]byte(out), &again) != nil || again.Request.Class != "rose" || again.Request.Classes != nil || again.Request.Steps != 1 || again.Request.Seed != 9 {
		t.Errorf("overruled: %s %s", out, errs)
	}
}

// What flags say arrives in the request, and what it makes is what JSON says.
func TestRequestFlags(t *testing.T) {
	code, out, errs := classCmd("-mix", "bear=2@1-0.6, cat-face@0.6-0", "-negative", "fox", "-seed", "4", "-seed-to", "5", "-seed-mix", "0.25",
		"-steps", "3", "-guidance", "2", "-guidance-interval", "0.1-0.9", "-guidance-rescale", "0.5",
		"-solver", "sde", "-schedule", "cosine", "-shift", "2", "-diffusion", "0.5", "-modulate", "alpha=0.5@2,gamma.mlp=-2@3-5:0-63,all=0:7", "-json")
	var m core.Metadata
	if err := json.Unmarshal([]byte(out), &m); code != 0 || err != nil {
		t.Fatalf("exit %d, %v: %s", code, err, errs)
	}
	want := core.Request{
		Classes: []core.ClassShare{{Class: "bear", Weight: 2, From: 1, To: 0.6}, {Class: "cat-face", Weight: 1, From: 0.6}}, Negative: "fox",
		Seed: 4, SeedTo: 5, SeedMix: 0.25, Steps: 3, Count: 1, Guidance: 2, GuidanceInterval: []float32{0.1, 0.9}, GuidanceRescale: 0.5,
		Solver: "sde", Schedule: "cosine", Shift: 2, Diffusion: 0.5,
		Modulation: []core.ModulationScale{
			{Quantity: "alpha", Blocks: []int{2, 2}, Scale: 0.5},
			{Quantity: "gamma", Branch: "mlp", Blocks: []int{3, 5}, Channels: []int{0, 63}, Scale: -2},
			{Channels: []int{7, 7}},
		},
	}
	if !reflect.DeepEqual(m.Request, want) {
		t.Errorf("request %+v, want %+v", m.Request, want)
	}
}

// A PNG is a request: it makes the same image again.
func TestRequestFromPNG(t *testing.T) {
	file := filepath.Join(t.TempDir(), "o.png")
	_, want, errs := classCmd("-class", "fox", "-steps", "2", "-modulate", "alpha=0.5", "-json", "-o", file)
	_, got, more := classCmd("-request", file, "-json")
	var a, b core.Metadata
	if err := errors.Join(json.Unmarshal([]byte(want), &a), json.Unmarshal([]byte(got), &b)); err != nil {
		t.Fatalf("%v: %s %s", err, errs, more)
	}
	if a.SHA256 != b.SHA256 || !reflect.DeepEqual(a.Request, b.Request) {
		t.Errorf("%+v became %+v", a, b)
	}
}

func TestEditFlags(t *testing.T) {
	gradient := func(x, y int) color.Color { return color.NRGBA{uint8(8 * x), uint8(8 * y), 100, 255} }
	whole, small := picture(t, "whole.png", 32, gradient), picture(t, "small.png", 8, gradient)
	mask := picture(t, "mask.png", 32, func(x, y int) color.Color { return color.Gray{uint8(x / 16 * 255)} })
	for _, args := range [][]string{
		{"-edit", "image", "-image", whole, "-strength", "0.5"},
		{"-edit", "inpaint", "-image", whole, "-mask", mask},
		{"-edit", "super-resolution", "-factor", "4", "-image", small},
		{"-edit", "colorize", "-image", whole},
	} {
		file := filepath.Join(t.TempDir(), "o.png")
		code, out, errs := classCmd(append(args, "-class", "fox", "-steps", "2", "-json", "-o", file)...)
		var m core.Metadata
		if err := json.Unmarshal([]byte(out), &m); code != 0 || err != nil {
			t.Fatalf("%v: exit %d, %v: %s", args, code, err, errs)
		}
		if m.Request.Edit == nil || string(m.Request.Edit.Task) != args[1] || len(m.MeasurementError) != 1 {
			t.Errorf("%v: %+v", args, m)
		}
		if e := m.MeasurementError[0]; args[1] != "image" && !(e < 0.01) {
			t.Errorf("%v: measurement error %v", args, e)
		}
		if args[1] != "inpaint" {
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := png.Decode(f)
		if err != nil {
			t.Fatal(err)
		}
		for y := range 32 {
			for x := range 16 { // black in the mask: kept
				if r, g, b, _ := got.At(x, y).RGBA(); r>>8 != uint32(8*x) || g>>8 != uint32(8*y) || b>>8 != 100 {
					t.Fatalf("pixel %d, %d was not kept: %v", x, y, got.At(x, y))
				}
			}
		}
	}
	out := filepath.Join(t.TempDir(), "o.png")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "-image is missing", []string{"-edit", "image"}},
		{2, "-mask is missing", []string{"-edit", "inpaint", "-image", whole}},
		{2, "-edit is missing: the task for the image, image, inpaint", []string{"-image", whole}},
		{2, `edit.task is "paint"`, []string{"-edit", "paint", "-image", whole}},
		{2, "-fit is crop, allowed: cover, contain or stretch", []string{"-edit", "image", "-image", small, "-fit", "crop"}},
		{2, "edit.factor is 0, allowed: 2 to 64", []string{"-edit", "super-resolution", "-image", whole}},
		{2, "edit.strength is 1.5", []string{"-edit", "image", "-image", whole, "-strength", "1.5"}},
		{1, "no picture that is read; read are PNG, JPEG, WebP, GIF or BMP", []string{"-edit", "image", "-image", "main.go"}},
		{1, "no such file", []string{"-edit", "image", "-image", "none.png"}},
		{2, `-mix has "fox=x", allowed: a class`, []string{"-mix", "fox=x"}},
		{2, `-mix has "=2"`, []string{"-mix", "fox,=2"}},
		{2, `-mix has "fox@1"`, []string{"-mix", "fox@1"}},
		{2, `-mix has "fox=nan"`, []string{"-mix", "fox=nan"}},
		{2, `classes[0].class is "fxo"`, []string{"-mix", "fxo"}},
		{2, "at t = 0.5 a weight of 0", []string{"-mix", "fox@1-0.5"}},
		{2, `-guidance-interval is "1", allowed: two numbers`, []string{"-guidance-interval", "1"}},
		{2, "guidance_interval is [0.9 0.1]", []string{"-guidance-interval", "0.9-0.1"}},
		{2, `solver is "rk4"`, []string{"-solver", "rk4"}},
		{2, "spacing ddim is for models on the ddpm clock", []string{"-schedule", "ddim"}},
		{1, "no such file", []string{"-request", "none.json"}},
		{2, "main.go: request is // Package command", []string{"-request", "main.go"}},
		{2, `-modulate has "delta=1", allowed: as in alpha=0.5`, []string{"-modulate", "all=1,delta=1"}},
		{2, `-modulate has "alpha"`, []string{"-modulate", "alpha"}},
		{2, `-modulate has "alpha=1@x"`, []string{"-modulate", "alpha=1@x"}},
		{2, `-modulate has "alpha=1:2-"`, []string{"-modulate", "alpha=1:2-"}},
		{2, "modulation[0].scale is 11", []string{"-modulate", "alpha=11"}},
		{2, "modulation[0].blocks is [7 8], allowed: two numbers from 0 to 7", []string{"-modulate", "all=1@7-8"}},
		{2, "whole.png: the PNG file does not say how dit8 made it", []string{"-request", whole}},
		{2, "-morph is 1, allowed: 2 to 1000", []string{"-morph", "1", "-seed-to", "2"}},
		{2, "-morph goes with -seed-to", []string{"-morph", "3"}},
	} {
		args := append(c.args, "-o", out)
		if c.args[0] != "-mix" {
			args = append(args, "-class", "fox")
		}
		code, stdout, errs := classCmd(args...)
		if code != c.code || !strings.Contains(errs, c.want) || stdout != "" {
			t.Errorf("sample %v: exit %d, %q %q; want %d and %q", c.args, code, errs, stdout, c.code, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
}

// A morph is an animated PNG whose first and last frames are those of the seeds.
func TestMorph(t *testing.T) {
	file := filepath.Join(t.TempDir(), "morph.png")
	code, out, errs := classCmd("-class", "fox", "-steps", "2", "-seed", "1", "-seed-to", "2", "-morph", "3", "-json", "-o", file)
	var frames []core.Metadata
	if err := json.Unmarshal([]byte(out), &frames); code != 0 || err != nil || len(frames) != 3 {
		t.Fatalf("exit %d, %v, %d frames: %s", code, err, len(frames), errs)
	}
	_, first, _ := classCmd("-class", "fox", "-steps", "2", "-seed", "1", "-json")
	if !strings.Contains(first, frames[0].SHA256) || frames[1].SHA256 == frames[0].SHA256 || frames[1].Request.SeedMix != 0.5 {
		t.Errorf("frames %+v", frames)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil { // the first frame, for those who know no animation
		t.Error(err)
	}
	kinds := map[string]int{}
	for rest := data[8:]; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		kind := string(rest[4:8])
		if kind == "acTL" && binary.BigEndian.Uint32(rest[8:]) != 3 {
			t.Errorf("%d frames announced", binary.BigEndian.Uint32(rest[8:]))
		}
		kinds[kind]++
		rest = rest[12+n:]
	}
	if kinds["acTL"] != 1 || kinds["fcTL"] != 3 || kinds["fdAT"] < 2 || kinds["IEND"] != 1 || kinds["tEXt"]+kinds["iTXt"] != 1 {
		t.Errorf("chunks %v", kinds)
	}
}
