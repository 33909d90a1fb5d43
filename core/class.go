package core

import (
	"fmt"
	"strconv"
	"strings"

	"dit8/core/internal/nearest"
)

// findClass finds a class by name, or by index: #7, or 7 where no class has the number
// of another for its name, so that digits mean one thing.
func findClass(field, name string, classes []string) (int, error) {
	form := "" // before an index
	for i, c := range classes {
		if c == name {
			return i, nil
		}
		if n, err := strconv.Atoi(c); err == nil && n != i {
			form = "#"
		}
	}
	digits, hash := strings.CutPrefix(name, "#")
	if i, err := strconv.Atoi(digits); err == nil && (hash || form == "") && i >= 0 && i < len(classes) {
		return i, nil
	}
	allowed := fmt.Sprintf("a class name or an index from %s0 to %[1]s%d", form, len(classes)-1)
	if near := nearest.Name(name, classes); near != "" {
		allowed += fmt.Sprintf("; did you mean %q?", near)
	}
	return 0, &FieldError{field, strconv.Quote(shorten(name)), allowed}
}
