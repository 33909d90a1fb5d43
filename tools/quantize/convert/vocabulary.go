package convert

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"dit8/core"
	"dit8/tools/quantize/checkpoint"
)

// vocabulary is a file of words, as tools/train writes it: the rows of the table of labels are the words, then the
// styles. Examples are texts to begin with.
type vocabulary struct {
	Words    []string            `json:"words"`
	Styles   []string            `json:"styles"`
	Synonyms map[string][]string `json:"synonyms"`
	Examples []string            `json:"examples"`
}

// words puts the vocabulary that was named, or is beside the checkpoint, into info. One beside it that does not fit is
// not taken.
func (a About) words(info *core.Info, classes int) (notes []string, err error) {
	path, beside := a.Vocabulary, false
	if path == "" && a.Labels == "" {
		path, beside = a.WordsBeside, true
	}
	if path == "" {
		return nil, nil
	}
	var v vocabulary
	err = checkpoint.ReadJSON(path, &v)
	if beside && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if n := len(v.Words) + len(v.Styles); err == nil && n != classes {
		err = fmt.Errorf("%d words and %d styles, the checkpoint has %d rows for them", len(v.Words), len(v.Styles), classes)
		if beside {
			return []string{fmt.Sprintf("%s is not taken: %v", path, err)}, nil
		}
	}
	if err != nil {
		return nil, &LabelsError{path, err}
	}
	info.Classes = slices.Concat(v.Words, v.Styles)
	info.Vocabulary = &core.Vocabulary{Styles: len(v.Styles), Synonyms: v.Synonyms, Examples: v.Examples}
	if beside {
		notes = append(notes, fmt.Sprintf("the words are those of %s", path))
	}
	return notes, nil
}
