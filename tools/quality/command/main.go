// Package command measures what solvers and edits are worth on a model of classes that
// predicts velocities, and writes the pages of docs that say so.
package command

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"dit8/core"
	"dit8/core/compute/native"
	"dit8/internal/atomicfile"
	"dit8/internal/usage"
	"dit8/weights"
)

const help = `quality measures on a model of emoji and writes Markdown and pictures into a folder.

  quality solvers MODEL.dit8 DIR   solvers.md, solvers.svg: error against evaluations
  quality editing MODEL.dit8 DIR   editing.md, editing.png: what edits keep and what they make

  quality fid [-count 50000] MODEL.dit8 REF.npz OUT.npz
                                   samples for the Fréchet distance to a reference batch, and what computes it
`

// Run returns the exit code: 0, 1 where the work failed, 2 where the command line
// is wrong.
func Run(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "fid" {
		if err := fid(args[1:], stdout, stderr); err != nil {
			fmt.Fprintln(stderr, "quality:", err)
			return 1
		}
		return 0
	}
	if len(args) == 1 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		usage.Print(stdout, help, nil)
		return 0
	}
	commands := map[string]func(*core.Generator, string) error{"solvers": solvers, "editing": editing}
	if len(args) != 3 || commands[args[0]] == nil {
		usage.Print(stderr, help, nil)
		return 2
	}
	err := func() error {
		if st, err := os.Stat(args[2]); err != nil {
			return err
		} else if !st.IsDir() {
			return errors.New(args[2] + " is no folder")
		}
		dev, err := native.New("", 0)
		if err != nil {
			return err
		}
		r, err := weights.Open(args[1])
		if err != nil {
			return err
		}
		defer r.Close()
		g, err := r.Generator(dev)
		if err != nil {
			return err
		}
		return commands[args[0]](g, args[2])
	}()
	if err != nil {
		fmt.Fprintln(stderr, "quality:", err)
		return 1
	}
	return 0
}

func write(dir, name string, data []byte) error {
	return atomicfile.WriteBytes(filepath.Join(dir, name), data)
}

// sheet lays pictures out in rows, each pixel drawn as scale×scale.
func sheet(rows [][]*image.NRGBA, scale int) ([]byte, error) {
	const gap = 8
	cell := rows[0][0].Rect.Dx()*scale + gap
	columns := 0
	for _, r := range rows {
		columns = max(columns, len(r))
	}
	out := image.NewNRGBA(image.Rect(0, 0, columns*cell+gap, len(rows)*cell+gap))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	for y, row := range rows {
		for x, m := range row {
			big := core.Grid([]*image.NRGBA{m}, scale*rows[0][0].Rect.Dx()/m.Rect.Dx())
			draw.Draw(out, big.Rect.Add(image.Pt(gap+x*cell, gap+y*cell)), big, image.Point{}, draw.Src)
		}
	}
	var buf bytes.Buffer
	err := png.Encode(&buf, out)
	return buf.Bytes(), err
}
