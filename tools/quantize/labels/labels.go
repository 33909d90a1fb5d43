// Package labels reads the names of classes in the shapes that people have them: lists,
// objects either way round, Keras's and transformers' files, a text with a name a line.
// Names are brought to Unicode's normal form C, in which keyboards give them.
package labels

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dit8/internal/bounded"
	"dit8/internal/nfc"
	"dit8/internal/textfile"
)

const (
	maxBytes = 16 << 20 // of a file
	maxNames = 1 << 20
)

// shapes says what is read, for messages.
const shapes = `neither an array of names, an object from numbers to names or from names to numbers, id2label or Keras's class index, nor a text with a name a line`

// ReadFile reads the names in the order of the classes.
func ReadFile(path string) ([]string, error) {
	b, err := bounded.File(path, maxBytes)
	if err != nil {
		return nil, errors.Unwrap(err) // who calls names the file
	}
	return Read(b)
}

// Read reads the names of a file's bytes.
func Read(b []byte) ([]string, error) {
	b, err := textfile.Decode(b)
	if err != nil {
		return nil, err
	}
	text := assigned.ReplaceAllString(comments.ReplaceAllString(strings.TrimSpace(string(b)), "$1"), "$1")
	if text == "" {
		return nil, errors.New("the file is empty, expected names of classes")
	}
	var names []string
	var v any
	switch jsonErr := json.Unmarshal([]byte(text), &v); {
	case jsonErr == nil:
		names, err = fromJSON(v, 0)
	case text[0] == '[' && pythonList.MatchString(text):
		names = fromPython(text)
	case text[0] == '{' && !python.MatchString(text):
		if v, ok := byLine(text); ok {
			names, err = fromJSON(v, 0)
			break
		}
		return nil, fmt.Errorf("bad JSON: %w", jsonErr)
	case text[0] == '"':
		if v, ok := byLine(text); ok {
			names, err = fromList(v)
			break
		}
		names, err = fromText(text)
	case text[0] == '[':
		return nil, fmt.Errorf("bad JSON: %w", jsonErr)
	case text[0] == '<':
		return nil, errors.New("this is an HTML page: the download went wrong")
	default:
		names, err = fromText(text)
	}
	names = plain(names)
	for i, n := range names {
		names[i] = nfc.String(strings.TrimSpace(n))
	}
	return names, err
}

// byLine reads a text with a value of JSON a line.
func byLine(text string) (v []any, ok bool) {
	for d := json.NewDecoder(strings.NewReader(text)); len(v) < maxNames; {
		var x any
		switch err := d.Decode(&x); {
		case errors.Is(err, io.EOF):
			return v, len(v) > 1
		case err != nil:
			return nil, false
		}
		v = append(v, x)
	}
	return nil, false
}

// nested are the keys under which files keep names beside other things: those of
// transformers' and diffusers' configs, datasets' cards, COCO's and YOLO's files.
var nested = []string{
	"id2label", "label2id", "class_to_idx", "idx_to_class", "classes", "class_names", "labels", "names", "categories", "label_names", "label_map", "labelmap",
	"features", "label", "class_label", // of the datasets library's dataset_info.json: features, label, names
}

const maxNested = 4 // keys within each other

// fromJSON reads names of a value of JSON.
func fromJSON(v any, depth int) ([]string, error) {
	switch v := v.(type) {
	case []any:
		return fromList(v)
	case map[string]any:
		if names, err := fromObject(v); err == nil || depth > maxNested {
			return names, err
		}
		for _, key := range nested {
			if inner, ok := v[key]; ok {
				names, err := fromJSON(inner, depth+1)
				if err != nil {
					err = fmt.Errorf("%s: %w", key, err)
				}
				return names, err
			}
		}
		return fromObject(v)
	}
	return nil, errors.New(shapes)
}

// fields are what objects call the number of a class, and its name.
var (
	numbers = []string{"id", "index", "class_id", "label_id", "class", "label"}
	texts   = []string{"name", "class_name", "label_name", "title", "label", "class"}
)

// fromList reads a list of names, or of objects {"id", "name"}.
func fromList(v []any) (names []string, err error) {
	byID := make(map[int]string)
	for i, x := range v {
		n, ok := nameOf(x)
		if o, isObject := x.(map[string]any); isObject {
			var id int
			hasID := slices.ContainsFunc(numbers, func(k string) (is bool) { id, is = whole(o[k]); return is })
			if ok && hasID {
				byID[id] = n
			}
		}
		if !ok {
			return nil, fmt.Errorf("entry %d is no name: the file has %s", i, shapes)
		}
		names = append(names, n)
	}
	if named, err := inOrder(byID); err == nil && len(byID) == len(v) {
		return named, nil
	}
	return names, nil
}

// nameOf is a name, or the last of Keras's [id, name].
func nameOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []any:
		if len(v) == 2 {
			s, ok := v[1].(string)
			return s, ok
		}
	case map[string]any: // {"0": {"name": "fox"}}
		for _, k := range texts {
			if s, ok := v[k].(string); ok {
				return s, true
			}
		}
	}
	return "", false
}

// whole is a whole number from 0, as JSON's number or as text.
func whole(v any) (int, bool) {
	switch v := v.(type) {
	case float64:
		return int(v), v >= 0 && v < maxNames && v == float64(int(v))
	case string:
		n, err := strconv.Atoi(v)
		return n, err == nil && n >= 0 && n < maxNames
	case map[string]any: // {"fox": {"id": 0}}
		for _, k := range numbers {
			if n, ok := v[k].(float64); ok {
				return whole(n)
			}
		}
	}
	return 0, false
}

// fromObject reads {"0": name} or {name: 0}. Where all keys and all values are numbers
// the keys count the classes if they go from 0 on.
func fromObject(v map[string]any) ([]string, error) {
	byKey, byValue := make(map[int]string), make(map[int]string)
	var twice error
	for _, key := range slices.Sorted(maps.Keys(v)) {
		x := v[key]
		i, isNumber := whole(key)
		if n, ok := nameOf(x); ok && isNumber {
			byKey[i] = n
		}
		if n, ok := whole(x); ok {
			if other, there := byValue[n]; there {
				twice = fmt.Errorf("%.100q and %.100q are both class %d", other, key, n)
			}
			byValue[n] = key
		}
	}
	if len(byKey) == len(v) {
		if names, err := inOrder(byKey); err == nil || len(byValue) != len(v) {
			return names, err
		}
	}
	switch {
	case len(byValue) == len(v):
		return inOrder(byValue)
	case twice != nil:
		return nil, twice
	}
	return nil, errors.New(shapes)
}

// inOrder are the names of classes 0, 1, …, of which none may be missing. Where they are
// counted from 1 on they are the same, in that order.
func inOrder(names map[int]string) ([]string, error) {
	list := make([]string, len(names))
	first := 0
	if _, zero := names[0]; !zero && names[1] != "" && names[len(names)] != "" {
		first = 1
	}
	for i := range list {
		n, ok := names[first+i]
		if !ok {
			return nil, fmt.Errorf("no name for class %d", i)
		}
		list[i] = n
	}
	return list, nil
}

// Number tells names apart that are there more than once, by numbers behind them, and
// returns the names that there are then.
func Number(names []string) (numbered []string) {
	count := make(map[string]int, len(names))
	for _, n := range names {
		count[n]++
	}
	seen := make(map[string]int)
	for i, n := range names {
		if count[n] < 2 {
			continue
		}
		if seen[n]++; seen[n] > 1 {
			for k := seen[n]; ; k++ {
				names[i] = fmt.Sprintf("%s (%d)", n, k)
				if count[names[i]] == 0 {
					break
				}
			}
			count[names[i]] = 1
			numbered = append(numbered, names[i])
		}
	}
	return slices.Clip(numbered)
}
