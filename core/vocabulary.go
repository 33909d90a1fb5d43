package core

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"dit8/core/dit"
	"dit8/core/internal/nearest"
	"dit8/core/prompt"
)

// Vocabulary marks a model that is told words in place of a class: its classes are words, sorted, and then styles.
//
// The condition of a text is the mean of its words' rows of the table of labels, or the null row where there is no word,
// and the row of its style, summed in the order of the table (prompt.Vocabulary.Rows).
type Vocabulary struct {
	Styles   int                 `json:"styles"`             // the last so many classes
	Synonyms map[string][]string `json:"synonyms,omitempty"` // prompt.Vocabulary's
	Examples []string            `json:"examples,omitempty"` // texts to begin with, the first is the default
}

// MaxExamples bounds Vocabulary.Examples.
const MaxExamples = 64

// Words is the vocabulary of a model that has one.
func (i Info) Words() prompt.Vocabulary {
	if i.Vocabulary == nil {
		return prompt.Vocabulary{}
	}
	words := len(i.Classes) - i.Vocabulary.Styles
	return prompt.Vocabulary{Words: i.Classes[:words:words], Styles: i.Classes[words:], Synonyms: i.Vocabulary.Synonyms}
}

// checkVocabulary checks the vocabulary, if there is one, against the classes.
func (i Info) checkVocabulary() error {
	v := i.Vocabulary
	switch {
	case v == nil:
		return nil
	case v.Styles < 0 || v.Styles >= len(i.Classes):
		return fmt.Errorf("core: %d styles of %d classes, which are words and styles", v.Styles, len(i.Classes))
	case i.Convention.NoNullClass:
		return errors.New("core: a vocabulary goes with a null class, which stands in place of words")
	case len(v.Examples) > MaxExamples:
		return fmt.Errorf("core: %d examples of the vocabulary, allowed up to %d", len(v.Examples), MaxExamples)
	}
	words := i.Words()
	if err := words.Check(); err != nil {
		return fmt.Errorf("core: %w", err)
	}
	for _, text := range v.Examples {
		if _, err := i.find("examples", text); err != nil {
			return fmt.Errorf("core: the vocabulary's %w", err)
		}
	}
	return nil
}

// Read reads a text in the model's words. It fails with a *FieldError on one that is too long, or has too many words.
func (i Info) Read(text string) (prompt.Said, error) { return i.read("prompt", text) }

func (i Info) read(field, text string) (prompt.Said, error) {
	if len(text) > prompt.MaxText {
		return prompt.Said{}, &FieldError{field, fmt.Sprintf("a text of %d bytes", len(text)), fmt.Sprintf("up to %d", prompt.MaxText)}
	}
	said := i.Words().Read(text)
	if n := len(said.Words); n > prompt.MaxWords {
		return said, &FieldError{field, fmt.Sprintf("a text of %d words that the model knows", n), fmt.Sprintf("up to %d", prompt.MaxWords)}
	}
	return said, nil
}

// label is what a text asks for: a class, or of a model with a vocabulary words.
type label struct {
	class int
	said  prompt.Said
	rows  bool // class is a row of the table, of a model with a vocabulary
}

// find finds out what the text of a class, or a prompt, means. It fails with a *FieldError on what is unknown.
func (i Info) find(field, text string) (l label, err error) {
	if i.Vocabulary == nil {
		l.class, err = findClass(field, text, i.Classes)
		return l, err
	}
	if l.said, err = i.read(field, text); err != nil {
		return l, err
	}
	if strings.HasPrefix(text, "#") || len(l.said.Unknown) > 0 {
		if n, _, ok := named(text, i.Classes); ok {
			return label{class: n, rows: true}, nil
		}
	}
	return l, i.unknown(field, text, l.said.Unknown)
}

// unknown is a *FieldError that names words which are not known, and suggests others.
func (i Info) unknown(field, text string, words []string) error {
	if len(words) == 0 {
		return nil
	}
	var parts []string
	for _, w := range words[:min(len(words), 8)] {
		part := strconv.Quote(shorten(w))
		if near := i.Words().Near(w); near != "" {
			part += fmt.Sprintf(" (did you mean %q?)", near)
		}
		parts = append(parts, part)
	}
	return &FieldError{field, strconv.Quote(shorten(text)), "words that the model knows, which it does not of " + strings.Join(parts, ", ")}
}

// cond is a label's condition, in a style that the text may overrule.
func (l label) cond(i Info, style string) (c dit.Cond) {
	if i.Vocabulary == nil {
		return dit.Cond{Label: l.class}
	}
	v := i.Words()
	if !l.rows {
		for _, r := range v.Rows(l.said, style) {
			c.Mix = append(c.Mix, dit.Share{Label: r.Row, Weight: r.Weight})
		}
		return c
	}
	c.Mix = []dit.Share{{Label: l.class, Weight: 1}}
	if l.class >= len(v.Words) { // a style
		c.Mix = append(c.Mix, dit.Share{Label: v.Null(), Weight: 1})
	} else if row := v.StyleRow(style); row >= 0 {
		c.Mix = append(c.Mix, dit.Share{Label: row, Weight: 1})
	}
	return c
}

// Subjects are what to try a model with: the examples of its vocabulary, else its classes.
func (i Info) Subjects() []string {
	if v := i.Vocabulary; v != nil && len(v.Examples) > 0 {
		return v.Examples
	}
	return i.Classes
}

// Of is r with a picture of what text says: a prompt where the model has words, else a class.
func (r Request) Of(m Info, text string) Request {
	r.Class, r.Classes, r.Prompt = "", nil, ""
	if m.Vocabulary != nil {
		r.Prompt = text
	} else {
		r.Class = text
	}
	return r
}

// Subject is the text that says what a picture is of, "" where it is a mix.
func (r Request) Subject() string {
	if r.Prompt != "" {
		return r.Prompt
	}
	return r.Class
}

// checkSubject checks what a request says of classes, words and styles.
func (r Request) checkSubject(m Info) error {
	if r.Negative != "" {
		if _, err := m.find("negative", r.Negative); err != nil {
			return err
		}
	}
	if err := r.checkWords(m); err != nil {
		return err
	}
	switch {
	case r.Class != "" && r.Classes != nil:
		return &FieldError{"class", strconv.Quote(shorten(r.Class)), "class or classes, one of them"}
	case r.Classes != nil:
		return r.checkClasses(m)
	case r.Prompt != "":
		return r.checkText(m, "prompt", r.Prompt)
	}
	return r.checkText(m, "class", r.Class)
}

// checkWords checks that what needs a vocabulary has one.
func (r Request) checkWords(m Info) error {
	if r.Prompt != "" && (r.Class != "" || r.Classes != nil) {
		return &FieldError{"prompt", strconv.Quote(shorten(r.Prompt)), "one of prompt, class and classes"}
	}
	if m.Vocabulary == nil {
		if r.Prompt != "" {
			return &FieldError{"prompt", strconv.Quote(shorten(r.Prompt)), "class or classes in its place: the model knows classes, no words"}
		}
		if r.Style != "" {
			return &FieldError{"style", strconv.Quote(shorten(r.Style)), "none: the model has no styles"}
		}
		return nil
	}
	if v := m.Words(); r.Style != "" && v.Style(r.Style) == "" {
		allowed := strings.Join(v.Styles, ", ")
		if near := nearest.Name(r.Style, v.Styles); near != "" {
			allowed += didYouMean([]string{near})
		}
		return &FieldError{"style", strconv.Quote(shorten(r.Style)), allowed}
	}
	return nil
}

// checkText checks what a picture is of. Unknown words pass where the request says so, if there are others.
func (r Request) checkText(m Info, field, text string) error {
	l, err := m.find(field, text)
	if r.SkipUnknown && len(l.said.Unknown) > 0 && (len(l.said.Words) > 0 || l.said.Style != "") {
		return nil
	}
	return err
}

// skipped are the words that are left out.
func (r Request) skipped(m Info) (words []string) {
	if m.Vocabulary == nil {
		return nil
	}
	texts := []string{r.Subject()}
	for _, c := range r.Classes {
		texts = append(texts, c.Class)
	}
	for _, text := range texts {
		l, _ := m.find("", text)
		words = append(words, l.said.Unknown...)
	}
	return words
}
