package labels

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	// python is a dictionary as Python prints it: {0: 'tench', 1: 'goldfish'}.
	python = regexp.MustCompile(`^\{\s*\d+\s*:\s*['"]`)
	// pythonList is a list as Python prints it: ['tench', 'goldfish'].
	pythonList = regexp.MustCompile(`^\[\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*(?:,\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\s*)*,?\s*\]$`)
	quoted     = regexp.MustCompile(`'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"`)
	// yaml is the line before a list of names in a file of settings, or one with the list
	// (YOLO's data.yaml, cards of datasets).
	yaml  = regexp.MustCompile(`^(?:names|classes|class_names|labels|id2label)\s*:\s*(\[.*\])?$`)
	entry = regexp.MustCompile(`(\d+)\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")`)
	// counted is a line with its class's number in front: "0 tench", "0: tench", "0,tench", "1. tench".
	counted = regexp.MustCompile(`^(\d+)(?:\s*[:,;|=\t]\s*|[.)]?\s+)(\S.*)$`)
	// behind is a line with the number behind: "tench,0", "tench: 0", "tench 0".
	behind = regexp.MustCompile(`^(.*?\S)(?:\s*[:,;|=\t]\s*|\s+)(\d+)$`)
	// item is a class of TensorFlow's label maps: item { id: 1 name: "tench" }.
	item = regexp.MustCompile(`item\s*\{([^{}]*)\}`)
	// itemID and itemName are what is in one; a shown name stands for a name.
	itemID   = regexp.MustCompile(`\bid\s*:\s*(\d+)`)
	itemName = regexp.MustCompile(`\b(?:display_)?name\s*:\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")`)
	// assigned is what stands before a list in a line of Python: "labels = ['tench']".
	assigned = regexp.MustCompile(`^[A-Za-z_]\w*\s*=\s*([\[{])`)
	// comments are lines before a list of JSON with comments.
	comments = regexp.MustCompile(`^(?:(?://|#)[^\n]*\n\s*)+([\[{])`)
	// wordNet is a line of ImageNet's synset_words.txt: "n01440764 tench, Tinca tinca".
	wordNet = regexp.MustCompile(`^n\d{8}[ \t,]+(\S.*)$`)
)

var unescape = strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`)

// fromPython reads a list as Python prints it.
func fromPython(text string) (names []string) {
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		names = append(names, unescape.Replace(m[1]+m[2]))
	}
	return names
}

// fromItems reads one of TensorFlow's label maps, whose numbers go from 0 or 1 on.
func fromItems(text string) ([]string, error) {
	names := make(map[int]string)
	for _, m := range item.FindAllStringSubmatch(text, -1) {
		id, all := itemID.FindStringSubmatch(m[1]), itemName.FindAllStringSubmatch(m[1], -1)
		if id == nil || all == nil {
			continue
		}
		i, err := strconv.Atoi(id[1])
		if err == nil && i < maxNames {
			last := all[len(all)-1]
			names[i] = unescape.Replace(last[1] + last[2])
		}
	}
	return inOrder(names)
}

// fromYAML finds the names in the lines of a file of settings: a list in one line, or the
// lines that stand further in.
func fromYAML(lines []string) ([]string, bool) {
	for i, line := range lines {
		m := yaml.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if m[1] != "" {
			names := fromPython(m[1])
			if !pythonList.MatchString(m[1]) {
				names = strings.Split(strings.Trim(m[1], "[]"), ",")
			}
			return names, true
		}
		var below []string
		for _, l := range lines[i+1:] {
			item := strings.TrimSpace(l)
			if indent(l) <= indent(line) && !strings.HasPrefix(item, "- ") {
				break
			}
			item = strings.TrimPrefix(item, "- ")
			if n, rest, ok := strings.Cut(item, ":"); ok { // '0': fox
				item = strings.Trim(n, `"' `) + ":" + rest
			}
			below = append(below, item)
		}
		names := all(below, counted, 2, 1)
		if names == nil {
			for _, l := range below {
				names = append(names, strings.Trim(l, `"' `))
			}
		}
		return names, len(names) > 0
	}
	return nil, false
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// plain takes WordNet's numbers off names that all have them, and then the classes'
// (ImageNet's map_clsloc.txt: n02119789 1 kit_fox).
func plain(names []string) []string {
	if short := all(names, wordNet, 1, 0); short != nil {
		if counted := all(short, counted, 2, 1); counted != nil {
			return counted
		}
		return short
	}
	return names
}

// fromText reads a name a line, or a dictionary as Python prints it.
func fromText(text string) ([]string, error) {
	if python.MatchString(text) {
		byKey := make(map[int]string)
		for _, m := range entry.FindAllStringSubmatch(text, -1) {
			if i, err := strconv.Atoi(m[1]); err == nil && i < maxNames {
				byKey[i] = unescape.Replace(m[2] + m[3])
			}
		}
		return inOrder(byKey)
	}
	if strings.HasPrefix(text, "item") && item.MatchString(text) {
		return fromItems(text)
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	if names, ok := fromYAML(strings.Split(text, "\n")); ok {
		return names, nil
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line = strings.TrimSpace(strings.TrimPrefix(line, "- ")); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if all(lines, wordNet, 1, 0) != nil { // plain takes the numbers off
		return lines, nil
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
	if len(lines) == 1 { // names in a row
		for _, between := range []string{";", "|", "\t", ","} {
			if strings.Contains(lines[0], between) {
				lines = strings.Split(lines[0], between)
				break
			}
		}
	}
	return unquoted(lines), nil
}

// unquoted takes the quotes off names that all have them.
func unquoted(names []string) []string {
	var inner []string
	for _, n := range names {
		m := quoted.FindStringSubmatch(n)
		if m == nil || m[0] != strings.TrimSpace(n) {
			return names
		}
		inner = append(inner, unescape.Replace(m[1]+m[2]))
	}
	return inner
}

// all are the names in lines that all have a form, by its groups: the name's, and, but
// for 0, the number's. nil where one has another form or the numbers do not go from 0 on.
func all(lines []string, form *regexp.Regexp, name, number int) []string {
	if number > name && len(lines) == 1 && !strings.ContainsAny(lines[0], ",:;|=\t") { // "formula 1"
		return nil
	}
	byKey, there := make(map[int]string), make(map[string]bool)
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
		if number > name && there[byKey[i]] { // "digit 0", "digit 1" are names
			return nil
		}
		there[byKey[i]] = true
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
