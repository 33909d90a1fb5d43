package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"dit8/core"
	"dit8/internal/bounded"
	"dit8/internal/progress"
	"dit8/internal/textfile"
	"dit8/tools/sample/bulk"
	"dit8/weights"
)

// bulkFlags are those of many images, which do not become one picture.
type bulkFlags struct {
	npz, png, from, shard string
	part                  *bulk.Part
	count                 int  // 0 where the command line does not say
	spread                bool // over all that the model knows, or the file's lines
}

func (b *bulkFlags) add(f *flag.FlagSet) {
	f.StringVar(&b.npz, "npz", "", "in place of -o: write -count images, any number of them, to a `file` of NumPy arrays: arr_0, uint8 [N, H, W, 3], and arr_1, the classes.\n"+
		"Without -class or -prompt they are spread evenly over the classes, or the examples of prompts. The same command goes on where it was cut off")
	f.StringVar(&b.png, "png", "", "the same as PNG files in a `folder`")
	f.StringVar(&b.from, "from", "", "of -npz and -png: a `file` with a class, or a prompt, a line; without -count one image each")
	f.StringVar(&b.shard, "shard", "", "of -npz and -png: make one `part` of all images, as 3/8, or job/8 in a pod of an Indexed Job of Kubernetes; sample merge joins the files of all parts")
}

func (b *bulkFlags) given() bool { return b.npz != "" || b.png != "" || b.from != "" || b.shard != "" }

// take takes the number of images out of what one request asks for, and says what does not go together.
func (b *bulkFlags) take(r *requestFlags) (err error) {
	set := r.set
	switch {
	case b.npz == "" && b.png == "":
		return usageError("-from and -shard go with -npz or -png")
	case b.npz != "" && b.png != "":
		return usageError("-npz and -png are both where the images go: give one")
	}
	for _, name := range []string{"o", "json", "scale", "morph", "mix", "request"} {
		if set[name] {
			return usageError(fmt.Sprintf("-%s does not go with -npz or -png", name))
		}
	}
	if b.from != "" && (set["class"] || set["prompt"]) {
		return usageError("-from and -class or -prompt both say what the images are of: give one")
	}
	if set["count"] {
		if b.count = r.req.Count; b.count < 1 || b.count > bulk.MaxCount {
			return usageError(fmt.Sprintf("-count is %d, allowed: 1 to %d", b.count, bulk.MaxCount))
		}
	}
	r.req.Count = 1
	b.spread = !set["class"] && !set["prompt"]
	if b.shard != "" {
		if b.part, err = bulk.ParsePart(b.shard, os.Getenv); err != nil {
			return usageError("-shard: " + err.Error())
		}
	}
	return nil
}

// run makes the images.
func (b *bulkFlags) run(ctx context.Context, p *weights.PairFile, g *core.Generator, req core.Request, stderr io.Writer) error {
	h := p.Header()
	plan := bulk.Plan{Model: h.Info.Name, ModelID: h.ID, Size: g.ImageSize(), Part: b.part}
	var err error
	if plan.Counts, err = b.counts(h.Info, req); err != nil {
		return err
	}
	req.Class, req.Prompt, req.Count = "", "", 1
	plan.Request = req
	if last := req.Seed + uint64(len(plan.Counts)) + bulk.MaxCount/core.MaxCount; last > core.MaxSeed {
		return usageError(fmt.Sprintf("-seed is %d, which leaves too few seeds for all images", req.Seed))
	}
	bar, done := progress.New(stderr), bulk.Progress{}
	tell := func(p bulk.Progress) {
		if done = p; p.Made == 0 {
			return
		}
		bar.Show(p.Done, p.Of, fmt.Sprintf("%d/%d, %.1f a second, %v left", p.Done, p.Of, p.Rate(), p.Left()))
	}
	if b.npz != "" {
		err = bulk.NPZ(ctx, g, plan, b.npz, tell)
	} else {
		err = bulk.PNGs(ctx, g, plan, b.png, tell)
	}
	bar.Clear()
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w after %d of %d images: the same command goes on", errInterrupted, done.Done, done.Of)
	}
	if err == nil && done.Made > 0 {
		fmt.Fprintf(stderr, "sample: %d images in %v, %.1f a second\n", done.Made, done.Elapsed.Round(time.Second/10), done.Rate())
	}
	return err
}

var errInterrupted = errors.New("interrupted")

// counts are what there are images of.
func (b *bulkFlags) counts(m core.Info, req core.Request) ([]bulk.Count, error) {
	count := b.count
	texts := m.Subjects()
	switch {
	case !b.spread:
		one := req.Subject()
		return []bulk.Count{{Label: m.Class(one), Text: one, N: max(1, count)}}, nil
	case b.from != "":
		var err error
		if texts, err = lines(b.from); err != nil {
			return nil, err
		}
		if count == 0 {
			count = len(texts)
		}
	}
	if count == 0 {
		return nil, usageError("-count is missing: how many images")
	}
	for _, text := range texts { // before hours of work
		if err := req.Of(m, text).Check(m); err != nil && b.from != "" {
			return nil, fmt.Errorf("%s: %w", b.from, err)
		}
	}
	return bulk.Balanced(count, texts, func(i int) int { return m.Class(texts[i]) }), nil
}

// maxLines bounds the bytes of a file with a text a line.
const maxLines = 256 << 20

// lines are a file's lines that are not empty.
func lines(path string) (all []string, err error) {
	b, err := bounded.File(path, maxLines)
	if err != nil {
		return nil, err
	}
	if b, err = textfile.Decode(b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there is no line that says what to draw", path)
	}
	return all, nil
}

const mergeUsage = `sample merge joins the files that sample -npz -shard wrote, all parts of one run, to the file of the whole.

  sample merge -o OUT.npz PART.npz ...

`

func merge(_ context.Context, args []string, stdout, _ io.Writer) error {
	f := flag.NewFlagSet("merge", flag.ContinueOnError)
	out := f.String("o", "", "the `file` to write")
	parts, err := parseFlags(f, args, mergeUsage, stdout)
	switch {
	case err != nil:
		return err
	case *out == "":
		return usageError("-o is missing: the file to write")
	case len(parts) == 0:
		return usageError("the files to join are missing")
	}
	return bulk.Merge(*out, parts)
}
