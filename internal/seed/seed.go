// Package seed gives seeds: a number, or a random one for "random" or -1, as many
// programs have it.
package seed

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dit8/core"
)

// Random is a seed that nobody knows beforehand.
func Random() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) & core.MaxSeed
}

// isRandom tells whether a text asks for a random seed.
func isRandom(text string) bool {
	return text == "-1" || strings.EqualFold(text, "random")
}

// Value is a seed as a flag.Value.
type Value struct {
	Seed   uint64
	Random bool // it was made up
}

// String is the seed.
func (v *Value) String() string { return strconv.FormatUint(v.Seed, 10) }

// Set takes a number, -1 or random.
func (v *Value) Set(text string) (err error) {
	if isRandom(text) {
		v.Seed, v.Random = Random(), true
		return nil
	}
	if v.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
		return fmt.Errorf("allowed: 0 to %d, or -1 or random for a random one", uint64(core.MaxSeed))
	}
	return nil
}

// Fields puts a random number in place of seeds in a request's JSON that ask for one, and
// tells whether any did.
func Fields(fields map[string]json.RawMessage) (random bool) {
	for _, name := range []string{"seed", "seed_to"} {
		raw, ok := fields[name]
		if ok && isRandom(strings.Trim(string(raw), `"`)) {
			fields[name] = strconv.AppendUint(nil, Random(), 10)
			random = true
		}
	}
	return random
}

// JSON is Fields for the text of a request. What is no object it leaves as it is.
func JSON(text []byte) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) == nil && Fields(fields) {
		if b, err := json.Marshal(fields); err == nil {
			return b
		}
	}
	return text
}
