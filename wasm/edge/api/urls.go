package api

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"dit8/core"
)

// address is where GET gives the bytes b of image i of an answer. What no address can say,
// as an edit, is in the address itself.
func (h *Handler) address(r *http.Request, a asked, i int, b []byte) string {
	q := a.query()
	if a.Count > 1 {
		q.Set("index", strconv.Itoa(i))
	}
	text := q.Encode()
	again, err := h.parseQuery(text)
	if err != nil || !reflect.DeepEqual(again.Request, a.Request) || again.size != a.size {
		return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b)
	}
	return origin(r) + "/v1/images?" + text
}

// origin is the server's, as the client has called it.
func origin(r *http.Request) string {
	scheme, host := r.URL.Scheme, r.Host
	if host == "" {
		host = r.URL.Host
	}
	if proxy := r.Header.Get("X-Forwarded-Proto"); proxy == "https" || proxy == "http" {
		scheme = proxy
	}
	switch {
	case host == "":
		return ""
	case scheme != "":
	case r.TLS != nil:
		scheme = "https"
	default:
		scheme = "http"
	}
	return scheme + "://" + host
}

// query is a request as GET /v1/images takes it.
func (a asked) query() url.Values {
	r := a.Request
	q := url.Values{
		"seed": {strconv.FormatUint(r.Seed, 10)}, "steps": {strconv.Itoa(r.Steps)}, "n": {strconv.Itoa(r.Count)}, "guidance": {number(r.Guidance)},
		"size": {strconv.Itoa(a.size) + "x" + strconv.Itoa(a.size)},
	}
	if a.other {
		q.Set("model", a.model.file())
	}
	switch {
	case r.Classes != nil:
		q.Set("prompt", mixed(r.Classes))
	case r.Prompt != "" || r.SkipUnknown:
		q.Set("prompt", r.Prompt)
		if !r.SkipUnknown {
			q.Set("skip_unknown", "false")
		}
	default:
		q.Set("class", r.Class)
	}
	for name, v := range map[string]string{"style": r.Style, "negative": r.Negative, "solver": string(r.Solver), "schedule": string(r.Schedule)} {
		if v != "" {
			q.Set(name, v)
		}
	}
	for name, v := range map[string]float32{"guidance_rescale": r.GuidanceRescale, "shift": r.Shift, "diffusion": r.Diffusion, "seed_mix": r.SeedMix} {
		if v != 0 {
			q.Set(name, number(v))
		}
	}
	if r.First != 0 {
		q.Set("first", strconv.Itoa(r.First))
	}
	if r.SeedTo != 0 {
		q.Set("seed_to", strconv.FormatUint(r.SeedTo, 10))
	}
	if i := r.GuidanceInterval; len(i) == 2 {
		q.Set("guidance_interval", number(i[0])+","+number(i[1]))
	}
	return q
}

// mixed is a mix as a prompt.
func mixed(classes []core.ClassShare) string {
	var parts []string
	for _, c := range classes {
		s := c.Class + ":" + number(c.Weight)
		if c.From != 0 || c.To != 0 {
			s += "@" + number(c.From) + "-" + number(c.To)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ",")
}

func number(v float32) string { return strconv.FormatFloat(float64(v), 'f', -1, 32) }
