package command

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

	"dit8/core"
	"dit8/core/flow"
)

// originalSeed makes the pictures that are edited, seed the edits.
const (
	originalSeed = 100
	seed         = 1
)

// editing writes what edits of a picture of each class keep and make.
func editing(g *core.Generator, dir string) error {
	var rows [][]*image.NRGBA
	type figures struct{ observed, all float64 }
	table := map[string][]figures{}
	kinds := []string{"inpaint", "super-resolution ×4", "colorize", "inpaint, sde", "super-resolution ×4, sde", "colorize, sde"}
	for _, class := range classes {
		req := g.Defaults()
		req.Class, req.Seed = class, originalSeed
		res, err := g.Generate(context.Background(), req, nil)
		if err != nil {
			return err
		}
		original := res.Images[0]
		row := []*image.NRGBA{original}
		req.Seed = seed
		for i, kind := range kinds {
			var shown *image.NRGBA
			req.Edit, shown = edit(original, strings.TrimSuffix(kind, ", sde"))
			req.Solver = ""
			if strings.HasSuffix(kind, ", sde") {
				req.Solver = flow.SDE
			}
			res, err := g.Generate(context.Background(), req, nil)
			if err != nil {
				return err
			}
			table[kind] = append(table[kind], figures{decibels(res.Metadata.MeasurementError[0]), decibels(rms(res.Images[0], original) / 255)})
			if i < 3 {
				row = append(row, shown)
			}
			row = append(row, res.Images[0])
		}
		other := g.Defaults()
		other.Class, other.Seed = "tiger-face", seed
		other.Edit, _ = edit(original, "image")
		if res, err = g.Generate(context.Background(), other, nil); err != nil {
			return err
		}
		rows = append(rows, append(row, res.Images[0]))
	}
	picture, err := sheet(rows, 3)
	if err != nil {
		return err
	}
	var md strings.Builder
	fmt.Fprintf(&md, `# Editing

Written by `+"`make quality`"+`: edits with testdata/emoji-32.dit8, %d steps, guidance %g, of pictures that it made with another seed.
PSNR in dB, first where the picture is known, then over the whole picture against the one that was edited, which an edit
need not find again: a left ear may become another one. Rounding to bytes alone leaves about 59 dB, more for means.

From left to right: the picture; a square hidden, and painted anew; shrunk to 8×8, and enlarged; its grey, and coloured; the
three again with solver sde, which renews the noise and mostly comes out more natural; and the picture as a tiger (task
image, strength 0.6).

![edits of eight pictures](editing.png)

| class |`, g.Defaults().Steps, g.Defaults().Guidance)
	for _, k := range kinds {
		fmt.Fprintf(&md, " %s |", k)
	}
	md.WriteString("\n|---|" + strings.Repeat("---|", len(kinds)) + "\n")
	for i, class := range classes {
		fmt.Fprintf(&md, "| %s |", class)
		for _, k := range kinds {
			fmt.Fprintf(&md, " %s, %s |", shownDecibels(table[k][i].observed), shownDecibels(table[k][i].all))
		}
		md.WriteString("\n")
	}
	if err := write(dir, "editing.png", picture); err != nil {
		return err
	}
	return write(dir, "editing.md", []byte(md.String()))
}

func decibels(rms float64) float64 { return -20 * math.Log10(rms) }

func shownDecibels(v float64) string {
	if math.IsInf(v, 1) {
		return "exact"
	}
	return fmt.Sprintf("%.1f", v)
}

// edit makes the edit of a kind from a whole picture, and a picture of what it is
// given.
func edit(m *image.NRGBA, kind string) (*core.Edit, *image.NRGBA) {
	n := m.Rect.Dx()
	shown := image.NewNRGBA(m.Rect)
	e := &core.Edit{Width: n}
	each := func(width int, f func(x, y int)) {
		for y := range width {
			for x := range width {
				f(x, y)
			}
		}
	}
	switch kind {
	case "image", "inpaint":
		e.Task = core.EditTask(kind)
		each(n, func(x, y int) {
			c := m.NRGBAAt(x, y)
			e.Image = append(e.Image, c.R, c.G, c.B)
			hidden := x >= n/4 && x < 3*n/4 && y >= n/3 && y < 5*n/6
			if kind == "inpaint" {
				mask := byte(0)
				if hidden {
					mask, c = 255, color.NRGBA{160, 160, 160, 255}
				}
				e.Mask = append(e.Mask, mask)
			}
			shown.SetNRGBA(x, y, c)
		})
	case "colorize":
		e.Task = core.EditColorize
		each(n, func(x, y int) {
			c := m.NRGBAAt(x, y)
			l := core.Luma(c.R, c.G, c.B)
			e.Image = append(e.Image, l)
			shown.SetNRGBA(x, y, color.NRGBA{l, l, l, 255})
		})
	default:
		const f = 4
		e.Task, e.Factor, e.Width = core.EditUpscale, f, n/f
		shown = image.NewNRGBA(image.Rect(0, 0, n/f, n/f))
		each(n/f, func(x, y int) {
			var sum [3]int
			for i := range f * f {
				c := m.NRGBAAt(x*f+i%f, y*f+i/f)
				sum[0], sum[1], sum[2] = sum[0]+int(c.R), sum[1]+int(c.G), sum[2]+int(c.B)
			}
			c := color.NRGBA{uint8((sum[0] + f*f/2) / (f * f)), uint8((sum[1] + f*f/2) / (f * f)), uint8((sum[2] + f*f/2) / (f * f)), 255}
			e.Image = append(e.Image, c.R, c.G, c.B)
			shown.SetNRGBA(x, y, c)
		})
	}
	return e, shown
}
