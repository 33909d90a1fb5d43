package core

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestRequestWithJSON(t *testing.T) {
	base := Request{Class: "fox", Seed: 1, Steps: 2, Guidance: 3, Count: 4}
	got, err := base.WithJSON([]byte(`{"seed": 9007199254740991, "guidance": 1.5}`))
	if err != nil || !reflect.DeepEqual(got, Request{Class: "fox", Seed: MaxSeed, Steps: 2, Guidance: 1.5, Count: 4}) {
		t.Errorf("%+v, %v", got, err)
	}
	for text, want := range map[string]string{
		`{"guidance": null}`: "guidance is null, allowed: a number from 0 to 100",
		`{"guidance": 1e99}`: "guidance is 1e99",
		`{"steps": 1.5}`:     "steps is 1.5, allowed: an integer from 1 to 1000",
		`{"steps": "4"}`:     `steps is "4"`,
		`{"seed": -1}`:       "seed is -1",
		`{"count": 1e9}`:     "count is 1e9",
		`{"class": 3}`:       "class is 3, allowed: a string",
		`{"stepz": 3}`:       "stepz is unknown",
		`null`:               "request is null",
		`[1]`:                "request is [1]",
		`{"seed": 1} {}`:     "request is",
		``:                   "request is",
	} {
		_, err := base.WithJSON([]byte(text))
		var f *FieldError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
