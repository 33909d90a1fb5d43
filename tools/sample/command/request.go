package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/core/flow"
	"dit8/core/pngfile"
	"dit8/internal/bounded"
	"dit8/internal/nfc"
	pictures "dit8/internal/picture"
	"dit8/internal/seed"
	"dit8/internal/textfile"
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
	mask, fit        string
	seed, seedTo     seed.Value
	random           bool // the file with a request asks for a random seed
	factor           int
	strength         float64
	keep             bool
	file             string
	set              map[string]bool // those that were given
	notes            []string        // what people should know of how the request came about
}

// addPlan adds the flags that say what the model is asked at which times.
func (r *requestFlags) addPlan(f *flag.FlagSet) {
	f.StringVar(&r.req.Class, "class", "", "class `name` or index")
	f.StringVar(&r.req.Prompt, "prompt", "", "`words`, of a model that knows some, in place of -class: \"a blue fox with a hat\"; fox:2 has twice the weight of others,\n"+
		"and \"no hat\" leads away from hats; -classes lists them")
	f.StringVar(&r.req.Style, "style", "", "`style` of such a model's, if -prompt names none")
	f.BoolVar(&r.req.SkipUnknown, "skip-unknown", false, "leave words of -prompt that the model does not know out, and say so, in place of an error")
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
	f.Var(&r.seed, "seed", "`seed` of the noise; -1 or random for a random one, which is printed and saved with the image")
	f.Var(&r.seedTo, "seed-to", "second `seed`, blended in by -seed-mix or -morph")
	f.Float64Var(&r.seedMix, "seed-mix", 0, "how much of the second seed, 0 to 1")
	f.IntVar(&r.req.Count, "count", 1, "images; more than one make a grid")
	f.IntVar(&r.req.First, "first", 0, "`index` of the first image: -first 3 -count 1 is the fourth image of -count 4 alone")
	f.Float64Var(&r.guidance, "guidance", 0, "guidance scale, 1 is none; default: the model's")
	f.StringVar(&r.interval, "guidance-interval", "", "times t where guidance applies, as in `0.1-0.8`; default: all")
	f.Float64Var(&r.rescale, "guidance-rescale", 0, "0 to 1, against over-saturation by guidance")
	f.Float64Var(&r.diffusion, "diffusion", 0, "noise that solver sde adds, default 1")
	f.StringVar(&r.edit, "edit", "", "`task` for -image: "+strings.Join(tasks(), ", "))
	f.StringVar(&r.picture, "image", "", "`file` to edit, "+pictures.Formats+", scaled to the model's size, or by -factor smaller for super-resolution")
	f.StringVar(&r.mask, "mask", "", "picture `file` for inpaint: what is transparent, or else white, is painted anew; default: what is transparent in -image")
	f.StringVar(&r.fit, "fit", "cover", "how a picture that is no square becomes one: cover (its middle), contain (all of it, with white bars) or stretch")
	f.IntVar(&r.factor, "factor", 0, "of super-resolution")
	f.Float64Var(&r.strength, "strength", 0, "time to start an edit from, up to 1: how much is made anew; default 0.6 for task image, else 1")
	f.BoolVar(&r.keep, "keep", false, "of inpaint: what is not painted comes out byte for byte as it was; a model of latents else decodes it anew")
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
		text, err := r.readRequest(h)
		if err != nil {
			return req, err
		}
		if req, err = req.WithJSON(text); err != nil {
			return req, fmt.Errorf("%s: %w", r.file, err)
		}
	}
	f := r.req // what the flags hold
	for name, take := range map[string]func(){
		"class":            func() { req.Class, req.Classes, req.Prompt = f.Class, nil, "" },
		"style":            func() { req.Style = f.Style },
		"skip-unknown":     func() { req.SkipUnknown = f.SkipUnknown },
		"negative":         func() { req.Negative = f.Negative },
		"seed":             func() { req.Seed = r.seed.Seed },
		"seed-to":          func() { req.SeedTo = r.seedTo.Seed },
		"seed-mix":         func() { req.SeedMix = float32(r.seedMix) },
		"steps":            func() { req.Steps = f.Steps },
		"count":            func() { req.Count = f.Count },
		"first":            func() { req.First = f.First },
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
		req.Classes, req.Prompt = shares, ""
		if !r.set["class"] {
			req.Class = ""
		}
	}
	if r.set["prompt"] {
		req.Prompt = f.Prompt
		if !r.set["class"] && !r.set["mix"] {
			req.Class, req.Classes = "", nil
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
	nfc.Request(&req, h.Info.Classes)
	if said, err := h.Info.Read(req.Prompt); req.SkipUnknown && err == nil && len(said.Unknown) > 0 {
		r.notes = append(r.notes, "words that the model does not know are left out: "+strings.Join(said.Unknown, ", "))
	}
	return req, req.Check(h.Info)
}

// readRequest reads a JSON file: a request, or metadata that holds one; or a PNG
// file with such metadata. It notes where the metadata are of another model than h.
func (r *requestFlags) readRequest(h *weights.Header) ([]byte, error) {
	text, err := bounded.File(r.file, maxRequest)
	if errors.As(err, new(bounded.TooLong)) {
		return nil, usageError(fmt.Sprintf("-request is no request: %v", err))
	} else if err != nil {
		return nil, err
	}
	switch meta, err := pngfile.ReadMetadata(bytes.NewReader(text)); {
	case err == nil:
		r.other(meta.Model, meta.ModelID, h)
		return json.Marshal(meta.Request)
	case !errors.Is(err, pngfile.ErrNoPNG):
		return nil, usageError(fmt.Sprintf("%s: %v", r.file, err))
	}
	if text, err = textfile.Decode(text); err != nil {
		return nil, usageError(fmt.Sprintf("%s: %v", r.file, err))
	}
	var metadata struct {
		Model   string          `json:"model"`
		ModelID string          `json:"model_id"`
		Request json.RawMessage `json:"request"`
	}
	if json.Unmarshal(text, &metadata) == nil && metadata.Request != nil {
		r.other(metadata.Model, metadata.ModelID, h)
		text = metadata.Request
	}
	made := seed.JSON(text)
	r.random = !bytes.Equal(made, text) && !r.set["seed"]
	return made, nil
}

// say prints the notes, and a seed that was made up.
func (r *requestFlags) say(w io.Writer, req core.Request) {
	for _, n := range r.notes {
		fmt.Fprintln(w, "sample:", n)
	}
	if r.seed.Random || r.random {
		fmt.Fprintln(w, "sample: seed", req.Seed)
	}
	if r.seedTo.Random {
		fmt.Fprintln(w, "sample: seed_to", req.SeedTo)
	}
}

// other notes that a request is of another model.
func (r *requestFlags) other(name, id string, h *weights.Header) {
	if id != "" && id != h.ID {
		r.notes = append(r.notes, fmt.Sprintf("%s was made by another model, %s (id %s): with %s (id %s) the picture will be another; -model FILE.dit8 chooses", r.file, name, id, h.Info.Name, h.ID))
	}
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
