package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/flow"
)

type schema struct {
	Type             any
	Enum             []any
	Minimum, Maximum *float64
	Properties       map[string]schema
	Items            *schema
	MaxItems         int
}

type openapiDoc struct {
	Paths map[string]map[string]struct {
		Parameters []struct {
			Name, In string
			Schema   map[string]string
		}
		Responses map[string]any
		Security  []map[string][]string
	}
	Components struct{ Schemas map[string]schema }
}

func documented(t *testing.T, h *Handler) (d openapiDoc) {
	t.Helper()
	w := call(h, "GET", "/openapi.json", "")
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || w.Code != 200 {
		t.Fatalf("%d %v", w.Code, err)
	}
	return d
}

// The document has the handler's paths, methods, fields and limits, and nothing
// else; that answers are as it says, the tests of the worker check.
func TestDocument(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	d := documented(t, h)
	var want, got []string
	for path, m := range h.routes() {
		path = strings.ReplaceAll(path, "...", "")
		for method := range m {
			want = append(want, strings.ToLower(method)+" "+path)
			if method == "GET" {
				want = append(want, "head "+path)
			}
		}
	}
	for path, operations := range d.Paths {
		for method := range operations {
			got = append(got, method+" "+path)
		}
	}
	if slices.Sort(want); !slices.Equal(want, slices.Sorted(slices.Values(got))) {
		t.Errorf("operations %v, documented %v", want, got)
	}
	fields := d.Components.Schemas["ImagesRequest"].Properties
	if names := slices.Sorted(maps.Keys(fields)); !slices.Equal(names, bodyFields) {
		t.Errorf("fields %v, documented %v", bodyFields, names)
	}
	for _, method := range []string{"get", "head"} {
		var query []string
		for _, p := range d.Paths["/v1/images"][method].Parameters {
			query = append(query, p.Name)
			if p.Schema["$ref"] != "#/components/schemas/ImagesRequest/properties/"+p.Name {
				t.Errorf("parameter %s: %v", p.Name, p.Schema)
			}
		}
		if !slices.Equal(query, imageFields) {
			t.Errorf("parameters %v, documented %v", imageFields, query)
		}
	}
	// core's fields, by their JSON names
	var ours []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[core.Request]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		ours = append(ours, strings.ReplaceAll(name, "count", "n"))
	}
	for _, name := range ours {
		if !slices.Contains(bodyFields, name) {
			t.Errorf("core's field %s is missing", name)
		}
	}
	for name, want := range map[string][]string{"solver": names(flow.Solvers()), "schedule": names(flow.Spacings())} {
		if got := fmt.Sprint(fields[name].Enum...); got != fmt.Sprint(append(anys(want), nil)...) {
			t.Errorf("%s: %v, documented %v", name, want, fields[name].Enum)
		}
	}
}

func names[T ~string](values []T) (all []string) {
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

func anys(values []string) (all []any) {
	for _, v := range values {
		all = append(all, v)
	}
	return all
}

// What the document calls the smallest and the largest is accepted, and what is
// beyond is not.
func TestDocumentedRanges(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits})
	checked := 0
	for name, s := range documented(t, h).Components.Schemas["ImagesRequest"].Properties {
		if s.Minimum == nil || s.Maximum == nil {
			continue
		}
		checked++
		for _, c := range []struct {
			value float64
			ok    bool
		}{{*s.Minimum, true}, {*s.Maximum, true}, {*s.Minimum - 1, false}, {*s.Maximum + 1, false}} {
			_, err := h.parseBody(fmt.Appendf(nil, `{"class": "fox", "size": "8x8", %q: %.0f}`, name, c.value))
			if (err == nil) != c.ok {
				t.Errorf("%s = %.0f: %v", name, c.value, err)
			}
			if slices.Contains(imageFields, name) {
				_, err := h.parseQuery(url.Values{"class": {"fox"}, name: {fmt.Sprintf("%.0f", c.value)}}.Encode())
				if (err == nil) != c.ok {
					t.Errorf("?%s=%.0f: %v", name, c.value, err)
				}
			}
		}
		if _, err := h.parseBody(fmt.Appendf(nil, `{"class": "fox", %q: null}`, name)); err != nil {
			t.Errorf("%s = null: %v", name, err)
		}
	}
	if checked < 8 {
		t.Errorf("%d fields with a range", checked)
	}
	for name, s := range documented(t, h).Components.Schemas["ImagesRequest"].Properties {
		for _, v := range s.Enum {
			b, _ := json.Marshal(v)
			_, err := h.parseBody(fmt.Appendf(nil, `{"class": "fox", %q: %s}`, name, b))
			if err != nil && v != "ddim" && v != "restart" { // which are for models on the DDPM schedule, and of average velocities
				t.Errorf("%s = %s: %v", name, b, err)
			}
		}
		if s.Enum != nil {
			if _, err := h.parseBody(fmt.Appendf(nil, `{"class": "fox", %q: "none"}`, name)); err == nil {
				t.Errorf("%s = none is accepted", name)
			}
		}
	}
}

// With tokens the document asks for one where the handler does.
func TestDocumentedSecurity(t *testing.T) {
	h := New(generator(t), Config{Limits: testLimits, Tokens: []string{"t"}})
	for path, operations := range documented(t, h).Paths {
		for method, o := range operations {
			target := strings.ReplaceAll(path, "{id}", "tiny")
			asked := call(h, strings.ToUpper(method), target, "{}").Code == 401
			if _, said := o.Responses["401"]; asked != said || asked != (len(o.Security) == 1 && o.Security[0]["bearer"] != nil) {
				t.Errorf("%s %s: a token is asked for: %v; documented: %v %v", method, path, asked, said, o.Security)
			}
		}
	}
}
