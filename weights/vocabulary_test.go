package weights

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"dit8/core"
	"dit8/core/dit"
)

// worded is a file's header with a vocabulary.
func worded() Header {
	h := Header{Config: tiny, Info: info}
	h.Config.NumClasses = 3
	h.Info.Classes = []string{"blue", "fox", "noto"}
	h.Info.Vocabulary = &core.Vocabulary{Styles: 1, Synonyms: map[string][]string{"navy": {"blue"}, "vixen": {"fox"}}, Examples: []string{"blue fox"}}
	h.Info.StepCounts = []int{1, 2, 4}
	return h
}

func TestVocabulary(t *testing.T) {
	h := worded()
	b := written(t, h, dit.Random(h.Config, 1, true))
	got, _, err := readAll(b)
	if err != nil || b[8] != 3 || !reflect.DeepEqual(got.Info, h.Info) {
		t.Fatalf("version %d, %+v, %v", b[8], got, err)
	}
	var wrong FormatError
	for from, to := range map[string]string{
		`"styles":1`:             `"styles":9`,
		`"vixen":["fox"]`:        `"vixen":["box"]`,
		`"navy":["blue"]`:        `"navy":[]`,
		`"examples":["blue fox"`: `"examples":["green fox"`,
		`"step_counts":[1,2,4]`:  `"step_counts":[4,2,1]`,
		`["blue","fox","noto"]`:  `["fox","blue","noto"]`,
		`"vocabulary":{`:         `"vocabulary":{"more":1,`,
	} {
		text := headerText(b)
		if !strings.Contains(text, from) {
			t.Fatalf("no %s in %s", from, text)
		}
		if _, _, err := readAll(withHeader(b, strings.Replace(text, from, to, 1))); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", to, err)
		}
	}
	// the largest header of synonyms
	var many strings.Builder
	for i := 0; many.Len() < MaxHeader-4000; i++ {
		fmt.Fprintf(&many, `"%d":["fox"],`, i)
	}
	if _, _, err := readAll(withHeader(b, strings.Replace(headerText(b), `"navy"`, many.String()+`"navy"`, 1))); err == nil || !strings.Contains(err.Error(), "synonyms, allowed up to") {
		t.Error(err)
	}
}
