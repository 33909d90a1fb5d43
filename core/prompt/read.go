package prompt

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Limits of a text.
const (
	MaxText   = 1000 // bytes
	MaxWords  = 64   // tokens
	MaxWeight = 10   // of a word, also negative
	least     = 0.01 // of one that counts
)

// Said is what a text says in the words of a vocabulary.
type Said struct {
	Words   []Word   `json:"words"`             // that are known, in the text's order
	Style   string   `json:"style,omitempty"`   // the last that the text names
	Unknown []string `json:"unknown,omitempty"` // tokens
}

// Word is a token of a text and the words that it stands for.
type Word struct {
	Text   string   `json:"text"`
	Words  []string `json:"words"`
	Weight float32  `json:"weight"` // 1 if nothing is said of it; below 0 where the picture is to be without it
	rows   []int
}

// token is one with what the text says of it.
type token struct {
	text   string
	weight float32
}

// Read reads a text: words in any order, an emoji being those of its name, where "fox:2" has twice the weight of others and "no hat" is "hat:-1". The name
// of a style is one with "style" beside it or without. In front of a text "no" is a word, if the vocabulary has it: a sign's
// name begins like that. Of what is said twice the last counts.
func (v Vocabulary) Read(text string) Said {
	tokens, style := v.style(tokens(text))
	said := Said{Words: []Word{}, Style: style}
	_, has := v.word("no")
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if t.text == "no" && !(i == 0 && has) {
			if i++; i == len(tokens) {
				break
			}
			t = token{tokens[i].text, -tokens[i].weight}
		}
		rows := v.rows(t.text)
		if rows == nil {
			said.Unknown = append(said.Unknown, t.text)
			continue
		}
		said.Words = slices.DeleteFunc(said.Words, func(w Word) bool { return w.Text == t.text })
		w := Word{Text: t.text, Weight: t.weight, rows: rows}
		for _, r := range rows {
			w.Words = append(w.Words, v.Words[r])
		}
		said.Words = append(said.Words, w)
	}
	return said
}

// tokens are those of a text with their weights: that of "heart-eyes:2" is of both.
func tokens(text string) (all []token) {
	for part := range strings.FieldsFuncSeq(Spell(text), func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) }) {
		weight := float32(1)
		if i := strings.LastIndexByte(part, ':'); i >= 0 {
			if w, err := strconv.ParseFloat(part[i+1:], 32); err == nil && math.Abs(w) <= MaxWeight {
				if part, weight = part[:i], float32(w); math.Abs(w) < least {
					weight = 0
				}
			}
		}
		words := split(part)
		if foreign(part) { // it is no word, and is not passed over
			words = []string{part}
		}
		for _, t := range words {
			all = append(all, token{t, weight})
		}
	}
	return all
}

// style takes the names of styles out, and "style" beside them. It gives the last.
func (v Vocabulary) style(tokens []token) (rest []token, style string) {
	beside := func(i int) bool { return i >= 0 && i < len(tokens) && tokens[i].text == "style" }
	for i := 0; i < len(tokens); {
		name, n := v.styleAt(tokens[i:])
		if n == 0 {
			rest = append(rest, tokens[i])
			i++
			continue
		}
		style = name
		if beside(i-1) && len(rest) > 0 && rest[len(rest)-1].text == "style" {
			rest = rest[:len(rest)-1]
		}
		if i += n; beside(i) {
			i++
		}
	}
	return rest, style
}

// styleAt finds the longest style whose name the tokens begin with, and how many of them it is.
func (v Vocabulary) styleAt(tokens []token) (name string, n int) {
	for _, s := range v.Styles {
		parts := strings.Split(s, "-")
		if len(parts) > n && len(parts) <= len(tokens) && slices.EqualFunc(parts, tokens[:len(parts)], func(p string, t token) bool { return p == t.text }) {
			name, n = s, len(parts)
		}
	}
	return name, n
}

// Row is a row of the table of labels and its weight.
type Row struct {
	Row    int
	Weight float32
}

// Rows are what a text gives the network, in the order of the table's rows. Each known word has its weight, divided by
// the sum of those above 0, so that words without weights give the mean of their rows; of a word that is said twice
// the last counts. Where no weight is above 0 the null row stands in their place. The row of the text's style, or else of style, is added
// as it is; "" is none.
func (v Vocabulary) Rows(s Said, style string) (rows []Row) {
	at := make(map[int]float32)
	for _, w := range s.Words {
		for _, r := range w.rows {
			at[r] = w.Weight
		}
	}
	said := slices.Sorted(maps.Keys(at))
	var sum float32
	for _, r := range said {
		sum += max(0, at[r])
	}
	for _, r := range said {
		if w := at[r]; w != 0 {
			if sum > 0 {
				w /= sum
			}
			rows = append(rows, Row{r, w})
		}
	}
	if s.Style != "" {
		style = s.Style
	}
	if r := v.StyleRow(style); r >= 0 {
		rows = append(rows, Row{r, 1})
	}
	if sum == 0 {
		rows = append(rows, Row{v.Null(), 1})
	}
	return rows
}
