// Package prompt reads what people say of a picture: a text in the words that a model knows, in any order, with weights,
// and a style.
package prompt

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dit8/core/internal/nearest"
)

// Vocabulary is what a model knows to be said of a picture. The rows of its table of labels are the words, then the
// styles, then the null row.
type Vocabulary struct {
	Words  []string // tokens (Tokens), sorted
	Styles []string // names as fluent-3d, tokens with hyphens between them
	// Synonyms has, of a token that is no word, the words that say the same.
	Synonyms map[string][]string
}

// Limits of a Vocabulary.
const (
	MaxSynonyms = 1 << 15 // tokens
	MaxMeaning  = 16      // words that one stands for
	MaxStyles   = 256
)

// Null is the row that stands in place of words.
func (v Vocabulary) Null() int { return len(v.Words) + len(v.Styles) }

// Check reports what is not as Vocabulary says.
func (v Vocabulary) Check() error {
	if len(v.Words) == 0 {
		return fmt.Errorf("the vocabulary has no words")
	}
	if len(v.Styles) > MaxStyles || len(v.Synonyms) > MaxSynonyms {
		return fmt.Errorf("the vocabulary has %d styles and %d synonyms, allowed up to %d and %d", len(v.Styles), len(v.Synonyms), MaxStyles, MaxSynonyms)
	}
	for i, w := range v.Words {
		if t := Tokens(w); len(t) != 1 || t[0] != w {
			return fmt.Errorf("word %d of the vocabulary is %.40q, no token: lower case letters and digits, none of those that say nothing", i, w)
		}
		if i > 0 && v.Words[i-1] >= w {
			return fmt.Errorf("words %d and %d of the vocabulary are %q and %q, which is not sorted", i-1, i, v.Words[i-1], w)
		}
	}
	seen := make(map[string]bool)
	for _, s := range v.Styles {
		if t := strings.Join(Tokens(s), "-"); t == "" || t != s || seen[s] {
			return fmt.Errorf("the style %.40q is not one: tokens with hyphens between them, each once", s)
		}
		if _, is := v.word(s); is {
			return fmt.Errorf("the style %q is a word too", s)
		}
		seen[s] = true
	}
	return v.checkSynonyms()
}

func (v Vocabulary) checkSynonyms() error {
	for _, token := range slices.Sorted(maps.Keys(v.Synonyms)) {
		words := v.Synonyms[token]
		if t := split(token); len(t) != 1 || !plain(token) {
			return fmt.Errorf("the synonym %.40q is no token", token)
		}
		if _, is := v.word(token); is || len(words) < 1 || len(words) > MaxMeaning {
			return fmt.Errorf("the synonym %q is a word itself, or stands for %d words, allowed 1 to %d", token, len(words), MaxMeaning)
		}
		for _, w := range words {
			if _, is := v.word(w); !is {
				return fmt.Errorf("the synonym %q stands for %.40q, which is no word", token, w)
			}
		}
	}
	return nil
}

// plain tells whether a text has letters and digits of tokens alone.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9') })
}

func (v Vocabulary) word(token string) (row int, ok bool) { return slices.BinarySearch(v.Words, token) }

// Style is the style that a name means, as "Fluent 3D", or "".
func (v Vocabulary) Style(name string) string {
	if slices.Contains(v.Styles, name) {
		return name
	}
	if name = strings.Join(Words(name), "-"); slices.Contains(v.Styles, name) {
		return name
	}
	return ""
}

// StyleRow is the row of a style, or -1.
func (v Vocabulary) StyleRow(name string) int {
	if i := slices.Index(v.Styles, v.Style(name)); i >= 0 {
		return len(v.Words) + i
	}
	return -1
}

// rows are those of the words that a token stands for, none where it is not known: its own, those of a synonym, or of
// a plural's singular.
func (v Vocabulary) rows(token string) (rows []int) {
	for _, form := range append([]string{token}, singulars(token)...) {
		if i, ok := v.word(form); ok {
			return []int{i}
		}
		for _, w := range v.Synonyms[form] {
			if i, ok := v.word(w); ok {
				rows = append(rows, i)
			}
		}
		if rows != nil {
			return rows
		}
	}
	return nil
}

// singulars are what a token may be the plural of.
func singulars(token string) (forms []string) {
	if len(token) < 4 || strings.HasSuffix(token, "ss") {
		return nil
	}
	for _, e := range [][2]string{{"ies", "y"}, {"es", ""}, {"s", ""}} {
		if stem, ok := strings.CutSuffix(token, e[0]); ok {
			forms = append(forms, stem+e[1])
		}
	}
	return forms
}

// Near is what may be meant by a token that is not known: two words, where it is both of them, the known word that it is the
// beginning, or a misspelling of, or "".
func (v Vocabulary) Near(token string) (near string) {
	for i := 3; i <= len(token)-3; i++ {
		if v.rows(token[:i]) != nil && v.rows(token[i:]) != nil {
			return token[:i] + " " + token[i:]
		}
	}
	for _, w := range v.Words {
		if len(token) > 1 && strings.HasPrefix(w, token) && (near == "" || len(w) < len(near)) {
			near = w
		}
	}
	if near == "" {
		near = nearest.Name(token, v.Words)
	}
	if near == "" {
		near = nearest.Name(token, slices.Sorted(maps.Keys(v.Synonyms)))
	}
	return near
}
