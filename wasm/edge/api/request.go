package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/internal/nfc"
	"dit8/internal/seed"
)

// asked is what a request to this API asks for.
type asked struct {
	core.Request
	model   *model
	other   bool // than the first
	size    int  // pixels of an image's side
	stream  bool
	partial int      // images on the way that a stream shows
	index   *int     // the one that is asked for of those made; nil for all
	url     bool     // addresses are wanted in place of images
	random  bool     // a seed has been made up
	event   string   // what events' names begin with; "" is image_generation
	notes   []string // what has been done with pictures
}

// MaxPartial bounds partial_images.
const MaxPartial = 16

// Fields of a request by name: those of core.Request, whose count is OpenAI's n,
// and those of OpenAI's API that it has not.
var (
	imageFields = []string{
		"class", "diffusion", "first", "guidance", "guidance_interval", "guidance_rescale", "index", "model", "n", "negative", "prompt",
		"schedule", "seed", "seed_mix", "seed_to", "shift", "size", "skip_unknown", "solver", "steps", "style",
	}
	bodyFields = slices.Sorted(slices.Values(append([]string{
		"background", "classes", "edit", "modulation", "moderation", "output_compression", "output_format", "partial_images", "quality", "response_format", "stream", "user",
	}, imageFields...)))
)

// parseBody reads the JSON of a POST.
func (h *Handler) parseBody(body []byte) (asked, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil || fields == nil {
		allowed := "a JSON object"
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			allowed += fmt.Sprintf(" (%v, at byte %d)", syntax, syntax.Offset)
		}
		return asked{}, &core.FieldError{Field: "body", Value: strconv.Quote(shorten(string(body))), Allowed: allowed}
	}
	maps.DeleteFunc(fields, func(_ string, raw json.RawMessage) bool { return string(raw) == "null" })
	return h.parse(fields, bodyFields)
}

// parseQuery reads the query of a GET, as if its values were JSON: text where they
// are no numbers.
func (h *Handler) parseQuery(query string) (asked, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return asked{}, &core.FieldError{Field: "query", Value: strconv.Quote(shorten(query)), Allowed: "name=value, with & between"}
	}
	fields := make(map[string]json.RawMessage, len(values))
	for name, v := range values {
		if len(v) != 1 {
			return asked{}, &core.FieldError{Field: shorten(name), Value: fmt.Sprintf("given %d times", len(v)), Allowed: "one value"}
		}
		fields[name] = asJSON(name, v[0])
	}
	return h.parse(fields, imageFields)
}

// asJSON is the value of a field of a query or form.
func asJSON(name, text string) json.RawMessage {
	raw := text
	if truth := strings.ToLower(text); truth == "true" || truth == "false" { // Python's True
		raw = truth
	}
	if name == "guidance_interval" {
		raw = "[" + raw + "]"
	}
	if textual(name) || !json.Valid([]byte(raw)) {
		b, _ := json.Marshal(text) // a string has a JSON
		raw = string(b)
	}
	return json.RawMessage(raw)
}

// textual are the fields of a query that are text even where it looks like a number.
func textual(name string) bool {
	switch name {
	case "class", "prompt", "model", "negative", "size", "solver", "schedule", "style", "user", "task", "fit":
		return true
	}
	return false
}

// parse reads the fields, whose names must be among known.
func (h *Handler) parse(fields map[string]json.RawMessage, known []string) (a asked, err error) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(known, name) {
			return a, &core.FieldError{Field: shorten(name), Value: "unknown", Allowed: strings.Join(known, ", ")}
		}
	}
	if a.model, err = h.modelOf(fields); err != nil {
		return a, err
	}
	a.other = a.model != h.models[0]
	delete(fields, "model")
	info := a.model.Info()
	var prompt, style string
	var compression int
	size, format := "auto", "b64_json"
	type oneOf []string
	_, prompted := fields["prompt"]
	for _, f := range []struct {
		name    string
		to      any
		allowed string
	}{
		{"prompt", &prompt, formOf(info)},
		{"style", &style, "a string"},
		{"size", &size, "a string"},
		{"user", new(string), "a string"},
		{"stream", &a.stream, "true or false"},
		{"partial_images", &a.partial, fmt.Sprintf("an integer from 0 to %d", MaxPartial)},
		{"index", &a.index, "an integer from 0 to n-1"},
		{"response_format", &format, `"b64_json" or "url"`},
		{"output_format", oneOf{"png"}, `"png"`},
		{"output_compression", &compression, "an integer from 0 to 100"},
		{"quality", oneOf{"auto", "standard", "hd", "low", "medium", "high"}, `"auto", "standard", "hd", "low", "medium" or "high": there is one`},
		{"moderation", oneOf{"auto", "low"}, `"auto" or "low": there is none`},
		{"background", oneOf{"auto", "opaque"}, `"auto" or "opaque"`},
	} {
		raw, given := fields[f.name]
		if !given {
			continue
		}
		delete(fields, f.name)
		bad := &core.FieldError{Field: f.name, Value: shorten(string(raw)), Allowed: f.allowed}
		if options, ok := f.to.(oneOf); ok {
			var v string
			if json.Unmarshal(raw, &v) != nil || !slices.Contains(options, v) {
				return a, bad
			}
		} else if json.Unmarshal(raw, f.to) != nil {
			return a, bad
		}
	}
	if a.partial < 0 || a.partial > MaxPartial {
		return a, &core.FieldError{Field: "partial_images", Value: strconv.Itoa(a.partial), Allowed: fmt.Sprintf("0 to %d", MaxPartial)}
	}
	switch {
	case format != "b64_json" && format != "url":
		return a, &core.FieldError{Field: "response_format", Value: strconv.Quote(shorten(format)), Allowed: `"b64_json" or "url"`}
	case compression < 0 || compression > 100:
		return a, &core.FieldError{Field: "output_compression", Value: strconv.Itoa(compression), Allowed: "0 to 100"}
	}
	a.url = format == "url"
	if n, given := fields["n"]; given {
		fields["count"] = n
		delete(fields, "n")
	}
	_, class := fields["class"]
	_, classes := fields["classes"]
	switch {
	case prompted && (class || classes), class && classes:
		return a, &core.FieldError{Field: "prompt", Value: "given twice", Allowed: "one of prompt, class and classes"}
	case !prompted && !class && !classes:
		return a, &core.FieldError{Field: "prompt", Value: "missing", Allowed: formOf(info)}
	}
	if raw, given := fields["edit"]; given {
		if fields["edit"], a.notes, err = h.readEdit(a.model, raw); err != nil {
			return a, err
		}
	}
	a.random = seed.Fields(fields)
	rest, err := json.Marshal(fields)
	if err != nil {
		return a, err
	}
	base := a.model.Defaults()
	base.Prompt, base.SkipUnknown = "", prompted && info.Vocabulary != nil
	if a.Request, err = base.WithJSON(rest); err == nil && prompted {
		a.Request, err = withPrompt(a.Request, prompt, info)
	}
	if err == nil {
		a.Style, err = styleOf(style, info)
	}
	if err == nil {
		nfc.Request(&a.Request, info.Classes)
		err = h.within(a.Request)
	}
	if err == nil {
		err = a.Check(info)
	}
	if err != nil {
		return a, renamed(err, prompted)
	}
	a.notes = append(a.notes, skipped(a.Request, info)...)
	if a.index != nil && (*a.index < 0 || *a.index >= a.Count) {
		return a, &core.FieldError{Field: "index", Value: strconv.Itoa(*a.index), Allowed: fmt.Sprintf("0 to %d, as n is %d", a.Count-1, a.Count)}
	}
	a.size, err = h.parseSize(a.model.ImageSize(), size, a.Count)
	return a, err
}

// within checks a request against the server's own limits.
func (h *Handler) within(r core.Request) error {
	if r.Steps > h.config.Steps {
		return &core.FieldError{Field: "steps", Value: strconv.Itoa(r.Steps), Allowed: fmt.Sprintf("1 to %d", h.config.Steps)}
	}
	if r.Count > h.config.Count {
		return &core.FieldError{Field: "count", Value: strconv.Itoa(r.Count), Allowed: fmt.Sprintf("1 to %d", h.config.Count)}
	}
	return nil
}

// renamed gives an error of core's the name that its field has here.
func renamed(err error, prompted bool) error {
	var f *core.FieldError
	if !errors.As(err, &f) {
		return err
	}
	switch {
	case f.Field == "count":
		return &core.FieldError{Field: "n", Value: f.Value, Allowed: f.Allowed}
	case prompted && strings.HasPrefix(f.Field, "class"):
		return &core.FieldError{Field: "prompt", Value: f.Value, Allowed: f.Allowed}
	}
	return err
}

// parseSize reads "auto" or WxH: the model's size or a multiple of it, every
// pixel then being a square. count images of it must be within the limit.
func (h *Handler) parseSize(own int, text string, count int) (int, error) {
	if text == "auto" {
		text = fmt.Sprintf("%dx%d", own, own)
	}
	largest := own
	for n := 2 * own; count*n*n <= h.config.Pixels && n <= MaxScale*own; n += own {
		largest = n
	}
	width, height, _ := strings.Cut(text, "x")
	n, err := strconv.Atoi(width)
	if err != nil || width != height || n < own || n%own != 0 || n > largest {
		return 0, &core.FieldError{Field: "size", Value: strconv.Quote(shorten(text)),
			Allowed: fmt.Sprintf(`"auto" or a multiple of "%dx%[1]d" up to "%dx%[2]d"`, own, largest)}
	}
	return n, nil
}

// MaxScale bounds how many times the model's size images may have.
const MaxScale = 64
