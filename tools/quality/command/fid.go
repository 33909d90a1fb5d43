package command

import (
	"archive/zip"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"

	sample "dit8/tools/sample/command"
	"dit8/weights"
)

// fid samples what a Fréchet distance to a reference is computed of, and says by what. dit8
// itself has no network whose features published distances are of.
func fid(args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("fid", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	count := f.Int("count", 50000, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 3 || *count < 1 {
		return errors.New("expected: quality fid [-count 50000] MODEL.dit8 REF.npz OUT.npz")
	}
	model, ref, out := f.Arg(0), f.Arg(1), f.Arg(2)
	shape, err := referenceShape(ref)
	if err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	r, err := weights.Open(model)
	if err != nil {
		return err
	}
	size := r.Header().ImageSize()
	r.Close()
	if shape[1] != size || shape[2] != size || shape[3] != 3 {
		return fmt.Errorf("%s has images of %d×%d with %d channels, the model makes %d×%d with 3", ref, shape[1], shape[2], shape[3], size, size)
	}
	if code := sample.Run([]string{"-model", model, "-count", strconv.Itoa(*count), "-npz", out}, nil, stdout, stderr); code != 0 {
		return errors.New("the samples were not made")
	}
	fmt.Fprintf(stdout, `%d samples are in %s. The distance to %s, with sFID, Inception Score, precision and recall, is what
the evaluator of ADM says (github.com/openai/guided-diffusion, evaluations):

  python evaluator.py %[3]s %[2]s

torch-fidelity and clean-fid read folders, as sample -png writes them: their figures are of other weights or
another scaling, and compare with their own alone.
`, *count, out, ref)
	return nil
}

// shapes is the shape of images in the header of a NumPy array (NEP 1): of bytes, [N, H, W, C].
var shapes = regexp.MustCompile(`'descr': '\|u1'.*'shape': \((\d+), *(\d+), *(\d+), *(\d+),? *\)`)

// referenceShape is that of the images in a file of ADM's evaluator: arr_0, [N, H, W, C].
func referenceShape(path string) (shape [4]int, err error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return shape, err
	}
	defer z.Close()
	a, err := z.Open("arr_0.npy")
	if errors.Is(err, fs.ErrNotExist) {
		return shape, errors.New("there is no arr_0, the images that ADM's reference batches have")
	}
	if err != nil {
		return shape, err
	}
	defer a.Close()
	head, err := io.ReadAll(io.LimitReader(a, 256))
	if err != nil {
		return shape, err
	}
	m := shapes.FindSubmatch(head)
	if m == nil {
		return shape, fmt.Errorf("arr_0 is no array of uint8 [N, H, W, C]: it starts with %.80q", bytes.ToValidUTF8(head, nil))
	}
	for i := range shape {
		if shape[i], err = strconv.Atoi(string(m[i+1])); err != nil {
			return shape, err
		}
	}
	return shape, nil
}
