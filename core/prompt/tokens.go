package prompt

import (
	"strings"
	"unicode"
)

// stop has the words that say nothing of a drawing.
var stop = set("a an the of and or with without in on for to at by from s")

// forms has, of what is an irregular plural or spelling, the form that vocabularies have.
var forms = map[string]string{
	"men": "man", "women": "woman", "mens": "man", "womens": "woman", "womans": "woman", "mans": "man", "people": "person", "children": "child",
	"grey": "gray", "feet": "foot", "teeth": "tooth", "mice": "mouse",
}

// accented has the letters that are one of a to z with marks on it, by this one.
var accented = byLetter(map[byte]string{
	'a': "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ", 'b': "ḃḅḇ", 'c': "çćĉċčḉ", 'd': "ďḋḍḏḑḓ", 'e': "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ", 'f': "ḟ", 'g': "ĝğġģǧǵḡ",
	'h': "ĥȟḣḥḧḩḫẖ", 'i': "ìíîïĩīĭįǐȉȋḭḯỉị", 'j': "ĵǰ", 'k': "ķǩḱḳḵ", 'l': "ĺļľḷḹḻḽ", 'm': "ḿṁṃ", 'n': "ñńņňǹṅṇṉṋ", 'o': "òóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ",
	'p': "ṕṗ", 'r': "ŕŗřȑȓṙṛṝṟ", 's': "śŝşšșṡṣṥṧṩ", 't': "ţťțṫṭṯṱẗ", 'u': "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự", 'v': "ṽṿ", 'w': "ŵẁẃẅẇẉẘ", 'x': "ẋẍ",
	'y': "ýÿŷȳẏẙỳỵỷỹ", 'z': "źżžẑẓẕ",
})

// Tokens are the words of a text, each once, in the order in which they first stand there: in lower case, of a to z
// and 0 to 9, without accents and without what says nothing, irregular plurals in the singular. "Smiling face with heart-eyes"
// is smiling, face, heart and eyes. tools/dataset/words.mjs makes them in the same way of the names that a model learns;
// testdata/tokens.json is checked by both.
func Tokens(text string) (tokens []string) {
	seen := make(map[string]bool)
	for _, t := range split(text) {
		if !seen[t] {
			seen[t] = true
			tokens = append(tokens, t)
		}
	}
	return tokens
}

// split is Tokens with what stands there twice.
func split(text string) (tokens []string) {
	var word []byte
	end := func() {
		if w := string(word); w != "" && !stop[w] {
			if f, ok := forms[w]; ok {
				w = f
			}
			tokens = append(tokens, w)
		}
		word = word[:0]
	}
	for _, r := range text {
		if c := letter(r); c != 0 {
			word = append(word, c)
		} else if !silent(r) {
			end()
		}
	}
	end()
	return tokens
}

// letter is r as a letter or digit of a token; 0 is none.
func letter(r rune) byte {
	r = unicode.ToLower(r)
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return byte(r)
	}
	return accented[r]
}

// silent tells what parts no words: marks of accents, apostrophes, and what stands in abbreviations.
func silent(r rune) bool { return r >= 0x300 && r <= 0x36f || strings.ContainsRune("'’.!", r) }

func set(words string) map[string]bool {
	s := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		s[w] = true
	}
	return s
}

func byLetter(of map[byte]string) map[rune]byte {
	m := make(map[rune]byte)
	for c, letters := range of {
		for _, r := range letters {
			m[r] = c
		}
	}
	return m
}
