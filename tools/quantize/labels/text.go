package labels

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	// python is a dictionary as Python prints it: {0: 'tench', 1: 'goldfish'}.
	python = regexp.MustCompile(`^\{\s*\d+\s*:\s*['"]`)
	entry  = regexp.MustCompile(`(\d+)\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")`)
	// counted is a line with its class's number in front: "0 tench", "0: tench", "0,tench".
	counted = regexp.MustCompile(`^(\d+)(?:\s*[:,;|\t]\s*|\s+)(\S.*)$`)
	// behind is a line with the number behind: "tench,0".
	behind = regexp.MustCompile(`^(.*\S)\s*[,;\t]\s*(\d+)$`)
	// wordNet is a line of ImageNet's synset_words.txt: "n01440764 tench, Tinca tinca".
	wordNet = regexp.MustCompile(`^n\d{8}[ \t,]+(\S.*)$`)
)

// fromText reads a name a line, or a dictionary as Python prints it.
func fromText(text string) ([]string, error) {
	if python.MatchString(text) {
		byKey := make(map[int]string)
		for _, m := range entry.FindAllStringSubmatch(text, -1) {
			if i, err := strconv.Atoi(m[1]); err == nil && i < maxNames {
				byKey[i] = strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`).Replace(m[2] + m[3])
			}
		}
		return inOrder(byKey)
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line = strings.TrimSpace(strings.TrimPrefix(line, "- ")); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if names := all(lines, wordNet, 1, 0); names != nil {
		return names, nil
	}
	if names := all(lines, counted, 2, 1); names != nil {
		return names, nil
	}
	if len(lines) > 1 {
		if _, header := parse(behind, lines[0], 2); !header && strings.ContainsAny(lines[0], ",;\t") {
			if names := all(lines[1:], counted, 2, 1); names != nil { // a table with a line of titles
				return names, nil
			}
			if names := all(lines[1:], behind, 1, 2); names != nil {
				return names, nil
			}
		}
	}
	if names := all(lines, behind, 1, 2); names != nil {
		return names, nil
	}
	return lines, nil
}

// all are the names in lines that all have a form, by its groups: the name's, and, but
// for 0, the number's. nil where one has another form or the numbers do not go from 0 on.
func all(lines []string, form *regexp.Regexp, name, number int) []string {
	byKey := make(map[int]string)
	for i, line := range lines {
		m := form.FindStringSubmatch(line)
		if m == nil {
			return nil
		}
		if number > 0 {
			var err error
			if i, err = strconv.Atoi(m[number]); err != nil {
				return nil
			}
		}
		if _, twice := byKey[i]; twice {
			return nil
		}
		byKey[i] = strings.Trim(m[name], `"'`)
	}
	names, err := inOrder(byKey)
	if err != nil {
		return nil
	}
	return names
}

func parse(form *regexp.Regexp, line string, group int) (int, bool) {
	m := form.FindStringSubmatch(line)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[group])
	return n, err == nil
}
