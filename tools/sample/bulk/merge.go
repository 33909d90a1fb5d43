package bulk

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"dit8/internal/atomicfile"
	"dit8/internal/bounded"
	"dit8/internal/textfile"
)

// maxPlan bounds the bytes of a file's Plan.
const maxPlan = 64 << 20

// part is a file that was written.
type part struct {
	path string
	plan Plan
	zip  *zip.ReadCloser
	n    int // images
}

// Merge joins the parts of a run to the file that the run in one piece writes, byte for byte.
func Merge(path string, paths []string) error {
	var all []*part
	defer func() {
		for _, p := range all {
			p.zip.Close()
		}
	}()
	for _, name := range paths {
		p, err := openPart(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, p)
	}
	plan, err := whole(all)
	if err != nil {
		return err
	}
	n := 0
	for _, p := range all {
		n += p.n
	}
	// member joins an array of all parts, which begins as begin says.
	member := func(name string, begin func(p *part) []byte) func(io.Writer) error {
		return func(w io.Writer) error {
			for _, p := range all {
				if err := p.copy(w, name, begin(p)); err != nil {
					return fmt.Errorf("%s: %w", p.path, err)
				}
			}
			return nil
		}
	}
	pixels := member(pixelsName, func(p *part) []byte { return header("|u1", p.n, p.plan.Size, p.plan.Size, 3) })
	labels := member(labelsName, func(p *part) []byte { return header("<i8", p.n) })
	_, err = atomicfile.Write(path, func(w io.Writer) error { return writeNPZ(w, plan, n, pixels, labels) })
	return err
}

// whole puts the parts in order, checks that they are all of one run, and returns its plan.
func whole(all []*part) (Plan, error) {
	for _, p := range all {
		if p.plan.Part == nil {
			return Plan{}, fmt.Errorf("%s is a whole run, no part of one", p.path)
		}
	}
	slices.SortFunc(all, func(a, b *part) int { return a.plan.Part.Part - b.plan.Part.Part })
	first := all[0].plan
	first.Part = nil
	n := all[0].plan.Part.Of
	for i, p := range all {
		rest := p.plan
		rest.Part = nil
		switch {
		case !reflect.DeepEqual(rest, first) || p.plan.Part.Of != n:
			return Plan{}, fmt.Errorf("%s and %s are of different runs", all[0].path, p.path)
		case i > 0 && p.plan.Part.Part == all[i-1].plan.Part.Part:
			return Plan{}, fmt.Errorf("%s and %s are both part %d of %d", all[i-1].path, p.path, p.plan.Part.Part, n)
		}
	}
	for i := range n {
		if i >= len(all) || all[i].plan.Part.Part != i+1 {
			return Plan{}, fmt.Errorf("part %d of %d is missing", i+1, n)
		}
	}
	return first, nil
}

func openPart(path string) (*part, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		if b, _ := bounded.File(path, 1<<10); textfile.IsPointer(b) {
			return nil, errors.New("this is " + textfile.Pointer)
		}
		return nil, fmt.Errorf("not a file of sample -npz: %w", err)
	}
	p := &part{path: path, zip: z}
	if err := p.about(); err != nil {
		z.Close()
		return nil, err
	}
	return p, nil
}

// about reads the plan.
func (p *part) about() error {
	m, err := p.zip.Open(planName)
	if err != nil {
		return fmt.Errorf("not a file of sample -npz: it has no %s", planName)
	}
	defer m.Close()
	d := json.NewDecoder(io.LimitReader(m, maxPlan))
	if err := d.Decode(&p.plan); err != nil {
		return fmt.Errorf("%s: %w", planName, err)
	}
	sum := 0
	for _, c := range p.plan.Counts {
		if sum += c.N; c.N < 0 || c.N > MaxCount || sum > MaxCount {
			return fmt.Errorf("%s has %d images of %q, allowed: %d in all", planName, c.N, c.Text, MaxCount)
		}
	}
	if q := p.plan.Part; q != nil && (q.Part < 1 || q.Part > q.Of || q.Of > MaxCount) {
		return fmt.Errorf("%s says part %d of %d", planName, q.Part, q.Of)
	}
	p.n = images(p.plan.blocks())
	return nil
}

// copy writes what follows an array's beginning, which must be as it should, to w.
func (p *part) copy(w io.Writer, name string, begin []byte) error {
	m, err := p.zip.Open(name)
	if err != nil {
		return err
	}
	defer m.Close()
	got := make([]byte, len(begin))
	if _, err := io.ReadFull(m, got); err != nil || !bytes.Equal(got, begin) {
		return fmt.Errorf("%s is not of the %d images that %s names", name, p.n, planName)
	}
	_, err = io.Copy(w, m)
	return err
}
