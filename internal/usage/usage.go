// Package usage prints how commands are used.
package usage

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Program stands before the names of commands: "dit8 " in a program that has several.
var Program string

var first = regexp.MustCompile(`^\w+ `)

// Print prints a text that begins with the command's name, and f's flags. Lines that show the command begin with two spaces.
func Print(w io.Writer, text string, f *flag.FlagSet) {
	io.WriteString(w, named(text))
	if f != nil {
		f.SetOutput(w)
		f.PrintDefaults()
	}
}

// Hint says where to find how a command is used.
func Hint(command string) string {
	return fmt.Sprintf("\"%s%s -h\" shows how it is used.\n", Program, command)
}

// named is a text with Program before the command's name, where it shows the command, and what stands below that in line still.
func named(text string) string {
	name := first.FindString(text)
	if Program == "" || name == "" {
		return text
	}
	indent := strings.Repeat(" ", len(Program))
	lines := strings.Split(Program+text, "\n")
	for i, line := range lines {
		if of, ok := strings.CutPrefix(line, "  "+name); ok {
			line = "  " + Program + name + of
		} else if strings.HasPrefix(line, "   ") {
			line = indent + line
		}
		lines[i] = strings.ReplaceAll(line, `"`+name, `"`+Program+name)
	}
	return strings.Join(lines, "\n")
}
