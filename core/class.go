package core

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dit8/core/internal/nearest"
	"dit8/core/prompt"
)

// named finds a class by its very name, or by index: #7, or 7 where no class has the number
// of another for its name, so that digits mean one thing. form stands before an index.
func named(name string, classes []string) (class int, form string, ok bool) {
	for i, c := range classes {
		if c == name {
			return i, form, true
		}
		if n, err := strconv.Atoi(c); err == nil && n != i {
			form = "#"
		}
	}
	digits, hash := strings.CutPrefix(name, "#")
	if i, err := strconv.Atoi(digits); err == nil && (hash || form == "") && i >= 0 && i < len(classes) {
		return i, form, true
	}
	return 0, form, false
}

// findClass finds the class that a name means: one that is called so, to the letter or by index (named), or but for
// capitals, accents and what stands between words, or by one of its names between commas; else the only one
// whose name has all of its words. An emoji is the words of its name.
func findClass(field, name string, classes []string) (int, error) {
	i, form, ok := named(name, classes)
	if ok {
		return i, nil
	}
	words := wordsOf(name)
	called, with, some := alike(words, classes)
	for _, found := range [][]int{called, with} {
		if len(found) == 1 {
			return found[0], nil
		}
	}
	meant := slices.Concat(called, with)
	if letters := nearest.Name(cmp.Or(strings.Join(words, " "), name), classes); meant == nil && letters != "" {
		meant = []int{slices.Index(classes, letters)}
	} else if meant == nil {
		meant = some
	}
	var near []string
	for _, i := range meant[:min(len(meant), 3)] {
		near = append(near, classes[i])
	}
	allowed := fmt.Sprintf("a class name or an index from %s0 to %[1]s%d", form, len(classes)-1)
	return 0, &FieldError{field, strconv.Quote(shorten(name)), allowed + didYouMean(near)}
}

// wordsOf are the words of what someone calls a class: none of a number, which means itself, or of what is too long for a name.
func wordsOf(name string) []string {
	if len(name) > prompt.MaxText {
		return nil
	}
	words := prompt.Words(name)
	if !strings.ContainsFunc(strings.Join(words, ""), func(r rune) bool { return r > '9' }) {
		return nil
	}
	return words
}

// alike gives the classes that are called by the words, those whose names have all of them and others, and those that have some, the
// likeliest first: with the most of the words, and the fewest others.
func alike(words, classes []string) (called, with, some []int) {
	if words == nil {
		return nil, nil, nil
	}
	order := make(map[int]int)
	for i, c := range classes {
		has := prompt.Words(c)
		if slices.Equal(has, words) || strings.Contains(c, ",") && slices.ContainsFunc(strings.Split(c, ","), func(part string) bool { return slices.Equal(prompt.Words(part), words) }) {
			called = append(called, i)
			continue
		}
		shared := 0
		for _, w := range words {
			if slices.Contains(has, w) {
				shared++
			}
		}
		order[i] = len(has) - shared*prompt.MaxText
		switch shared {
		case 0:
		case len(words):
			with = append(with, i)
		default:
			some = append(some, i)
		}
	}
	for _, found := range [][]int{with, some} {
		slices.SortStableFunc(found, func(a, b int) int { return order[a] - order[b] })
	}
	return called, with, some
}

// didYouMean asks whether some names were meant.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	var b strings.Builder
	for i, n := range names {
		switch i {
		case 0:
			b.WriteString("; did you mean ")
		case len(names) - 1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(n))
	}
	return b.String() + "?"
}

// Class is the index of the class that a name means, -1 where there is none, or the model is told words.
func (i Info) Class(name string) int {
	if i.Vocabulary != nil {
		return -1
	}
	c, err := findClass("", name, i.Classes)
	if err != nil {
		return -1
	}
	return c
}

// canonical is a request that was checked, with classes and styles by the names that the model has for them: it then means the same in
// a program that knows no others.
func (r Request) canonical(m Info) Request {
	r.Style = m.Words().Style(r.Style)
	if m.Vocabulary != nil {
		return r
	}
	class := func(name string) string {
		if _, _, ok := named(name, m.Classes); name == "" || ok {
			return name
		}
		return m.Classes[m.Class(name)]
	}
	r.Class, r.Negative = class(r.Class), class(r.Negative)
	r.Classes = slices.Clone(r.Classes) // r shares them with its copies
	for i := range r.Classes {
		r.Classes[i].Class = class(r.Classes[i].Class)
	}
	return r
}
