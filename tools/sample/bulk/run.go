package bulk

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dit8/core"
	"dit8/core/pngfile"
	"dit8/internal/atomicfile"
)

// Progress tells how far a run is: images that are there, those that this run made, and of how many.
type Progress struct {
	Done, Made, Of int
	Elapsed        time.Duration
}

// Rate is the images a second of this run, and Left how long it will take.
func (p Progress) Rate() float64 { return float64(p.Made) / p.Elapsed.Seconds() }

// Left is the time that is left at this rate.
func (p Progress) Left() time.Duration {
	return time.Duration(float64(p.Of-p.Done) / p.Rate() * float64(time.Second)).Round(time.Second)
}

// each makes the blocks from the one with number from on. It tells how far it is before the
// first one too.
func each(ctx context.Context, g *core.Generator, plan Plan, all []block, from int, take func(b block, r *core.Result) error, tell func(Progress)) error {
	p := Progress{Done: images(all[:from]), Of: images(all)}
	began := time.Now()
	tell(p)
	for _, b := range all[from:] {
		req := plan.Request.Of(g.Info(), b.text)
		req.Seed, req.Count = b.seed, b.n
		r, err := g.Generate(ctx, req, nil)
		if err != nil {
			return err
		}
		if err := take(b, r); err != nil {
			return err
		}
		p.Done, p.Made, p.Elapsed = p.Done+b.n, p.Made+b.n, time.Since(began)
		tell(p)
	}
	return nil
}

// NPZ makes the plan's images into the file at path. What is there of them lies beside it until all are, path with .part and .part.json: the same
// call goes on from there. Memory does not grow with the number of images.
func NPZ(ctx context.Context, g *core.Generator, p Plan, path string, tell func(Progress)) error {
	all := p.blocks()
	part, about := path+".part", path+".part.json"
	from, err := resumed(p, all, part, about)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	err = each(ctx, g, p, all, from, func(_ block, r *core.Result) error {
		_, err := f.Write(rgb(r.Images))
		return err
	}, tell)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	pixels := func(w io.Writer) error {
		in, err := os.Open(part)
		if err != nil {
			return err
		}
		defer in.Close()
		_, err = io.Copy(w, in)
		return err
	}
	labels := func(w io.Writer) error {
		for _, b := range all {
			if err := binary.Write(w, binary.LittleEndian, slices.Repeat([]int64{int64(b.label)}, b.n)); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := atomicfile.Write(path, func(w io.Writer) error { return writeNPZ(w, p, images(all), pixels, labels) }); err != nil {
		return err
	}
	return errors.Join(os.Remove(part), os.Remove(about))
}

// resumed is the number of blocks that are there, after what is left of another one is cut off.
func resumed(p Plan, all []block, part, about string) (int, error) {
	want, err := json.Marshal(p)
	if err != nil {
		return 0, err
	}
	got, err := os.ReadFile(about)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(part); err == nil {
			return 0, fmt.Errorf("%s is there, but not %s, which says of what run it is: remove it", part, about)
		}
		return 0, atomicfile.WriteBytes(about, want)
	case err != nil:
		return 0, err
	case !bytes.Equal(got, want):
		return 0, fmt.Errorf("%s is of another run, with other flags or another model: remove it and %s, or name another file", about, filepath.Base(part))
	}
	st, err := os.Stat(part)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	image := int64(3 * p.Size * p.Size) // bytes
	there, n, k := st.Size()/image, int64(0), 0
	for ; k < len(all) && n+int64(all[k].n) <= there; k++ {
		n += int64(all[k].n)
	}
	return k, os.Truncate(part, n*image)
}

// rgb are the pixels of images, one after the other.
func rgb(all []*image.NRGBA) []byte {
	b := make([]byte, 0, len(all)*len(all[0].Pix)/4*3)
	for _, m := range all {
		for i := 0; i < len(m.Pix); i += 4 {
			b = append(b, m.Pix[i], m.Pix[i+1], m.Pix[i+2])
		}
	}
	return b
}

// PNGs makes the plan's images into files of a folder, 000000.png and so on by their numbers in the whole run. Those that are there stay.
func PNGs(ctx context.Context, g *core.Generator, p Plan, dir string, tell func(Progress)) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%06d.png", i)) }
	all := p.blocks()
	from := 0
	for ; from < len(all); from++ {
		last := all[from].first + all[from].n - 1 // written last
		if _, err := os.Stat(name(last)); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
	}
	return each(ctx, g, p, all, from, func(b block, r *core.Result) error {
		for i, m := range r.Images {
			if _, err := atomicfile.Write(name(b.first+i), func(w io.Writer) error {
				buf := bufio.NewWriter(w)
				if err := pngfile.Write(buf, m, r.Metadata); err != nil {
					return err
				}
				return buf.Flush()
			}); err != nil {
				return err
			}
		}
		return nil
	}, tell)
}
