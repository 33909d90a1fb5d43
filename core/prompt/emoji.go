package prompt

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// emoji has the names of signs. It is made for the first text that may hold one.
var emoji = sync.OnceValue(func() map[rune]string {
	names := make(map[rune]string)
	for line := range strings.SplitSeq(emojiNames, "\n") {
		sign, n := utf8.DecodeRuneInString(line)
		names[sign] = strings.ReplaceAll(line[n:], " ", "-") // one part of a text, for its weight
	}
	return names
})

// firstEmoji is below all of emojiNames.
const firstEmoji = 0x231a

// Spell puts the names of emoji in their place: "🦊:2" is " fox:2". Tones of skin and what joins signs are left out.
func Spell(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= firstEmoji }) {
		return text
	}
	var b strings.Builder
	names, after := emoji(), false // after a sign
	for _, r := range text {
		name, is := names[r]
		switch {
		case r == 0x200d || r == 0xfe0e || r == 0xfe0f || r >= 0x1f3fb && r <= 0x1f3ff:
			continue
		case is:
			b.WriteByte(' ')
			b.WriteString(name)
		default:
			if after && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				b.WriteByte(' ')
			}
			b.WriteRune(r)
		}
		after = is
	}
	return b.String()
}

// Words are the Tokens of a text whose emoji are spelled; none of one with letters that tokens do not have.
func Words(text string) []string {
	if text = Spell(text); foreign(text) {
		return nil
	}
	return Tokens(text)
}

// foreign tells whether a text has letters or digits that no token has.
func foreign(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return r >= utf8.RuneSelf && letter(r) == 0 && !silent(r) && (unicode.IsLetter(r) || unicode.IsDigit(r))
	})
}
