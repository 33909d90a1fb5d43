package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	_ "image/jpeg" // formats that -image reads
	_ "image/png"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/core/flow"
	"dit8/core/pngfile"
	"dit8/weights"
)

// requestFlags are the flags that make up a request.
type requestFlags struct {
	req              core.Request
	guidance         float64
	mix, interval    string
	rescale          float64
	solver, schedule string
	shift, diffusion float64
	seedMix          float64
	modulate         string
	edit, picture    string
	mask             string
	factor           int
	strength         float64
	file             string
	set              map[string]bool // those that were given
}

// addPlan adds the flags that say what the model is asked at which times.
func (r *requestFlags) addPlan(f *flag.FlagSet) {
	f.StringVar(&r.req.Class, "class", "", "class `name` or index")
	f.StringVar(&r.mix, "mix", "", "in place of -class, a mix of `classes`: fox=2,panda, each with a weight and the times t between\n"+
		"which it acts, as in bear@1-0.6,cat-face@0.6-0: laid out as a bear, detailed as a cat")
	f.IntVar(&r.req.Steps, "steps", 0, "model evaluations; default: the model's")
	f.StringVar(&r.solver, "solver", "", "`name`: "+flow.Names(flow.Solvers())+"; default: the model's, else the first")
	f.StringVar(&r.schedule, "schedule", "", "`spacing` of the steps: "+flow.Names(flow.Spacings())+"; default: the model's, else the first")
	f.StringVar(&r.modulate, "modulate", "", "AdaLN made stronger or weaker: `parts` as in alpha=0.5,gamma.mlp=2@3-5:0-63, each γ, β or α (gamma,\n"+
		"beta, alpha or all) of a branch (msa, mlp; both) times a factor in some blocks (@) and channels (:)")
	f.Float64Var(&r.shift, "shift", 0, "above 1 more steps near the noise, below 1 near the image")
}

// add adds all flags.
func (r *requestFlags) add(f *flag.FlagSet) {
	r.addPlan(f)
	f.StringVar(&r.file, "request", "", "`file` with a request: JSON, as -json prints it, or a PNG made by dit8; other flags overrule it")
	f.StringVar(&r.req.Negative, "negative", "", "`class` to guide away from")
	f.Uint64Var(&r.req.Seed, "seed", 0, "seed of the noise")
	f.Uint64Var(&r.req.SeedTo, "seed-to", 0, "second `seed`, blended in by -seed-mix or -morph")
	f.Float64Var(&r.seedMix, "seed-mix", 0, "how much of the second seed, 0 to 1")
	f.IntVar(&r.req.Count, "count", 1, "images; more than one make a grid")
	f.Float64Var(&r.guidance, "guidance", 0, "guidance scale, 1 is none; default: the model's")
	f.StringVar(&r.interval, "guidance-interval", "", "times t where guidance applies, as in `0.1-0.8`; default: all")
	f.Float64Var(&r.rescale, "guidance-rescale", 0, "0 to 1, against over-saturation by guidance")
	f.Float64Var(&r.diffusion, "diffusion", 0, "noise that solver sde adds, default 1")
	f.StringVar(&r.edit, "edit", "", "`task` for -image: "+strings.Join(tasks(), ", "))
	f.StringVar(&r.picture, "image", "", "PNG or JPEG `file` to edit, of the model's size; smaller by -factor for super-resolution")
	f.StringVar(&r.mask, "mask", "", "PNG `file` for inpaint: what is white is painted anew, what is black is kept")
	f.IntVar(&r.factor, "factor", 0, "of super-resolution")
	f.Float64Var(&r.strength, "strength", 0, "time to start an edit from, up to 1: how much is made anew; default 0.6 for task image, else 1")
}

func tasks() (names []string) {
	for _, t := range core.EditTasks() {
		names = append(names, string(t))
	}
	return names
}

// maxRequest bounds the bytes read of a file with a request.
const maxRequest = 1 << 24

// request is what the flags ask of a model.
func (r *requestFlags) request(h *weights.Header) (core.Request, error) {
	req := h.Info.Request()
	if r.set["request"] {
		text, err := readRequest(r.file)
		if err != nil {
			return req, err
		}
		if req, err = req.WithJSON(text); err != nil {
			return req, fmt.Errorf("%s: %w", r.file, err)
		}
	}
	f := r.req // what the flags hold
	for name, take := range map[string]func(){
		"class":            func() { req.Class, req.Classes = f.Class, nil },
		"negative":         func() { req.Negative = f.Negative },
		"seed":             func() { req.Seed = f.Seed },
		"seed-to":          func() { req.SeedTo = f.SeedTo },
		"seed-mix":         func() { req.SeedMix = float32(r.seedMix) },
		"steps":            func() { req.Steps = f.Steps },
		"count":            func() { req.Count = f.Count },
		"guidance":         func() { req.Guidance = float32(r.guidance) },
		"guidance-rescale": func() { req.GuidanceRescale = float32(r.rescale) },
		"solver":           func() { req.Solver = flow.Solver(r.solver) },
		"schedule":         func() { req.Schedule = flow.Spacing(r.schedule) },
		"shift":            func() { req.Shift = float32(r.shift) },
		"diffusion":        func() { req.Diffusion = float32(r.diffusion) },
	} {
		if r.set[name] {
			take()
		}
	}
	if r.set["mix"] {
		shares, err := parseMix(r.mix)
		if err != nil {
			return req, err
		}
		req.Classes = shares
		if !r.set["class"] {
			req.Class = ""
		}
	}
	if r.set["guidance-interval"] {
		low, high, err := parseRange(r.interval)
		if err != nil {
			return req, usageError(fmt.Sprintf("-guidance-interval is %q, allowed: two numbers, as in 0.1-0.8", r.interval))
		}
		req.GuidanceInterval = []float32{low, high}
	}
	if r.set["modulate"] {
		scales, err := parseModulation(r.modulate)
		if err != nil {
			return req, err
		}
		req.Modulation = scales
	}
	if r.set["edit"] {
		e, err := r.readEdit(h.ImageSize())
		if err != nil {
			return req, err
		}
		req.Edit = e
	} else if r.set["image"] || r.set["mask"] {
		return req, usageError("-edit is missing: the task for the image, " + strings.Join(tasks(), ", "))
	}
	return req, req.Check(h.Info)
}

// readRequest reads a JSON file: a request, or metadata that holds one; or a PNG
// file with such metadata.
func readRequest(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxRequest+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxRequest {
		return nil, usageError(fmt.Sprintf("%s is no request: over %d bytes", path, maxRequest))
	}
	switch meta, err := pngfile.ReadMetadata(bytes.NewReader(text)); {
	case err == nil:
		return json.Marshal(meta.Request)
	case !errors.Is(err, pngfile.ErrNoPNG):
		return nil, usageError(fmt.Sprintf("%s: %v", path, err))
	}
	var metadata struct {
		Request json.RawMessage `json:"request"`
	}
	if json.Unmarshal(text, &metadata) == nil && metadata.Request != nil {
		return metadata.Request, nil
	}
	return text, nil
}

// parseMix reads NAME[=WEIGHT][@FROM-TO],…
func parseMix(text string) (shares []core.ClassShare, err error) {
	for part := range strings.SplitSeq(text, ",") {
		bad := usageError(fmt.Sprintf("-mix has %q, allowed: a class, as in fox, fox=2 or fox=2@1-0.5", part))
		c := core.ClassShare{Weight: 1}
		name, span, timed := strings.Cut(part, "@")
		name, weight, weighted := strings.Cut(name, "=")
		if c.Class = strings.TrimSpace(name); c.Class == "" {
			return nil, bad
		}
		if weighted {
			if c.Weight, err = parseNumber(weight); err != nil {
				return nil, bad
			}
		}
		if timed {
			if c.From, c.To, err = parseRange(span); err != nil {
				return nil, bad
			}
		}
		shares = append(shares, c)
	}
	return shares, nil
}

// parseModulation reads NAMES=SCALE[@BLOCKS][:CHANNELS],…; NAMES are all, a
// quantity, a branch or both with a dot between them.
func parseModulation(text string) (scales []core.ModulationScale, err error) {
	for part := range strings.SplitSeq(text, ",") {
		bad := usageError(fmt.Sprintf("-modulate has %q, allowed: as in alpha=0.5, all=0 or gamma.mlp=2@3-5:0-63", part))
		var m core.ModulationScale
		rest, channels, some := strings.Cut(part, ":")
		if some {
			if m.Channels, err = parseIndices(channels); err != nil {
				return nil, bad
			}
		}
		rest, blocks, some := strings.Cut(rest, "@")
		if some {
			if m.Blocks, err = parseIndices(blocks); err != nil {
				return nil, bad
			}
		}
		names, scale, _ := strings.Cut(rest, "=")
		if m.Scale, err = parseNumber(scale); err != nil {
			return nil, bad
		}
		for name := range strings.SplitSeq(strings.TrimSpace(names), ".") {
			switch name {
			case "all":
			case "msa", "mlp":
				m.Branch = name
			case "gamma", "beta", "alpha":
				m.Quantity = name
			default:
				return nil, bad
			}
		}
		scales = append(scales, m)
	}
	return scales, nil
}

// parseIndices reads FIRST-LAST or one index.
func parseIndices(text string) ([]int, error) {
	first, last, some := strings.Cut(text, "-")
	if !some {
		last = first
	}
	a, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	b, err := strconv.Atoi(last)
	return []int{a, b}, err
}

func parseRange(text string) (a, b float32, err error) {
	from, to, _ := strings.Cut(text, "-")
	if a, err = parseNumber(from); err != nil {
		return 0, 0, err
	}
	b, err = parseNumber(to)
	return a, b, err
}

func parseNumber(text string) (float32, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(text), 32)
	if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
		err = strconv.ErrRange
	}
	return float32(v), err
}

// readEdit reads the pictures of an edit for a model of images of size pixels.
func (r *requestFlags) readEdit(size int) (*core.Edit, error) {
	e := &core.Edit{Task: core.EditTask(r.edit), Factor: r.factor, Strength: float32(r.strength)}
	if r.picture == "" {
		return nil, usageError("-image is missing: the picture to edit")
	}
	if e.Task == core.EditInpaint && r.mask == "" {
		return nil, usageError("-mask is missing: what to paint anew")
	}
	if e.Task == core.EditUpscale && r.factor > 0 {
		size = max(1, size/r.factor)
	}
	img, err := readPicture(r.picture, size)
	if err != nil {
		return nil, err
	}
	e.Width = size
	for y := range size {
		for x := range size {
			c := img.NRGBAAt(x, y)
			if e.Task == core.EditColorize {
				e.Image = append(e.Image, core.Luma(c.R, c.G, c.B))
			} else {
				e.Image = append(e.Image, c.R, c.G, c.B)
			}
		}
	}
	if r.mask != "" {
		mask, err := readPicture(r.mask, size)
		if err != nil {
			return nil, err
		}
		for y := range size {
			for x := range size {
				c := mask.NRGBAAt(x, y)
				paint := byte(0)
				if core.Luma(c.R, c.G, c.B) >= 128 {
					paint = 255
				}
				e.Mask = append(e.Mask, paint)
			}
		}
	}
	return e, nil
}

// readPicture reads a picture of size×size pixels. What is transparent becomes
// white.
func readPicture(path string, size int) (*image.NRGBA, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cfg, _, err := image.DecodeConfig(f) // before anything of its size is allocated
	if err != nil {
		return nil, fmt.Errorf("%s: no PNG or JPEG: %w", path, err)
	}
	if cfg.Width != size || cfg.Height != size {
		return nil, usageError(fmt.Sprintf("%s has %d×%d pixels, allowed: %d×%d", path, cfg.Width, cfg.Height, size, size))
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, err
	}
	src, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	b := src.Bounds()
	for y := range size {
		for x := range size {
			r, g, bl, a := src.At(b.Min.X+x, b.Min.Y+y).RGBA() // premultiplied
			for c, v := range []uint32{r, g, bl} {
				img.Pix[img.PixOffset(x, y)+c] = uint8((v + 0xffff - a) >> 8)
			}
			img.Pix[img.PixOffset(x, y)+3] = 255
		}
	}
	return img, nil
}
