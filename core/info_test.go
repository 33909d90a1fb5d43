package core

import (
	"testing"

	"dit8/core/flow"
)

func TestGuided(t *testing.T) {
	for _, c := range []struct {
		convention flow.Convention
		guidance   float32
		want       bool
	}{
		{flow.Convention{}, 3, true},
		{flow.Convention{}, 1, true},
		{flow.Convention{NoNullClass: true}, 1, false},
		{flow.Convention{Average: true}, 1, false},
		{flow.Convention{Average: true}, 2, true},
		{flow.Convention{Average: true, GuidanceInput: true}, 1, true},
	} {
		if got := (Info{Convention: c.convention, Defaults: Defaults{Guidance: c.guidance}}).Guided(); got != c.want {
			t.Errorf("%+v with guidance %g: guided is %v", c.convention, c.guidance, got)
		}
	}
}
