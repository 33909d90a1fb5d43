package convert

import (
	"encoding/json"
	"fmt"
	"strconv"

	"dit8/tools/quantize/checkpoint"
)

// ClassNames reads class names; without a file they are the classes' numbers.
func ClassNames(path string, classes int) ([]string, error) {
	names := make([]string, classes)
	if path == "" {
		for i := range names {
			names[i] = strconv.Itoa(i)
		}
		return names, nil
	}
	var raw json.RawMessage
	if err := checkpoint.ReadJSON(path, &raw); err != nil {
		return nil, err
	}
	if json.Unmarshal(raw, &names) == nil {
		if len(names) != classes {
			return nil, fmt.Errorf("%s: %d names, the checkpoint has %d classes", path, len(names), classes)
		}
		return names, nil
	}
	var object map[string]string
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("%s: neither an array of names nor an object from numbers to names", path)
	}
	if len(object) != classes {
		return nil, fmt.Errorf("%s: %d names, the checkpoint has %d classes", path, len(object), classes)
	}
	for i := range names {
		n, ok := object[strconv.Itoa(i)]
		if !ok {
			return nil, fmt.Errorf("%s: no name for class %d", path, i)
		}
		names[i] = n
	}
	return names, nil
}
