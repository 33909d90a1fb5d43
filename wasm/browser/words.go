//go:build js

package main

import (
	"errors"
	"syscall/js"

	"dit8/core"
	"dit8/core/prompt"
)

// unknown is a word that the model does not know, and the one that may be meant.
type unknown struct {
	Text string `json:"text"`
	Near string `json:"near,omitempty"`
}

// said is a prompt.Said with what may be meant by words that are unknown.
type said struct {
	prompt.Said
	Unknown []unknown `json:"unknown"`
}

// read reads the prompt args[0].
func (p *program) read(args []js.Value) (any, error) {
	if p.generator == nil {
		return nil, errors.New("no model is loaded")
	}
	info := p.generator.Info()
	s, err := info.Read(args[0].String())
	if err != nil {
		return nil, err
	}
	out := said{s, []unknown{}}
	v := info.Words()
	for _, w := range s.Unknown {
		out.Unknown = append(out.Unknown, unknown{w, v.Near(w)})
	}
	return object(out)
}

// examples are prompts to begin with.
func examples(m core.Info) []string {
	if m.Vocabulary == nil {
		return nil
	}
	return m.Vocabulary.Examples
}

// numbers is a JavaScript array of numbers.
func numbers(n []int) []any {
	a := make([]any, len(n))
	for i, v := range n {
		a[i] = v
	}
	return a
}
