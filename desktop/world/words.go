package world

import (
	"fmt"
	"slices"
	"strings"
)

// Words tells whether the model is told words in place of a class.
func (w *World) Words() bool { return w.model.Info.Vocabulary != nil }

// Knows says what the model can be told: "128 classes", "458 words in 5 styles".
func (m Model) Knows() string {
	if m.Info.Vocabulary == nil {
		return fmt.Sprintf("%d classes", len(m.Info.Classes))
	}
	v := m.Info.Words()
	return fmt.Sprintf("%d words in %d styles", len(v.Words), len(v.Styles))
}

// completions are what a prompt may become: the text itself, where the model knows all
// its words, and the text with its last word completed. For no text they are the model's
// examples, or its words.
func (w *World) completions(text string) []string {
	v := w.model.Info.Words()
	if text = strings.TrimLeft(text, " "); text == "" {
		if ex := w.model.Info.Vocabulary.Examples; len(ex) > 0 {
			return slices.Clone(ex)
		}
		return slices.Clone(v.Words)
	}
	var all []string
	if whole := strings.TrimSpace(text); len(v.Read(whole).Unknown) == 0 {
		all = append(all, whole)
	}
	at := strings.LastIndexAny(text, " ,;-") + 1
	before, last := text[:at], strings.ToLower(text[at:])
	if last == "" {
		return all
	}
	for _, word := range slices.Concat(v.Words, v.Styles) {
		if strings.HasPrefix(word, last) && word != last {
			all = append(all, before+word)
		}
	}
	return all
}

// Unknown says which word of a prompt the model does not know, and which it may be; "" if
// it knows all of them.
func (w *World) Unknown(text string) string {
	v := w.model.Info.Words()
	said := v.Read(text)
	if !w.Words() || len(said.Unknown) == 0 {
		return ""
	}
	word := said.Unknown[0]
	if near := v.Near(word); near != "" {
		return fmt.Sprintf("No word is %q. Did you mean %q?", word, near)
	}
	return fmt.Sprintf("No word is %q.", word)
}
