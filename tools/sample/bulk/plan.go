// Package bulk samples many images into a file of NumPy arrays or a folder, in batches, in parts that make one whole, and on from where a run ended.
package bulk

import (
	"fmt"
	"strconv"
	"strings"

	"dit8/core"
)

// MaxCount bounds the images of a run.
const MaxCount = 10_000_000

// Plan is what a run makes. Image i has the subject that Counts gives it; the images of a subject are made in requests of up to core.MaxCount,
// each with the next seed. So every part of a run, and every run that goes on, makes the same images as one that does all.
type Plan struct {
	Model   string       `json:"model"`
	ModelID string       `json:"model_id"`
	Size    int          `json:"size"`    // pixels in a row of an image
	Request core.Request `json:"request"` // of one image, without what Counts says
	Counts  []Count      `json:"counts"`
	Part    *Part        `json:"part,omitempty"` // nil: all of it
}

// Count is a subject, the text of a class or of a prompt, and how many images there are of it.
type Count struct {
	Label int    `json:"label"` // the class's number; -1 for a prompt
	Text  string `json:"text"`
	N     int    `json:"n"`
}

// Part is a part of a run, from 1.
type Part struct {
	Part int `json:"part"`
	Of   int `json:"of"`
}

// ParsePart reads "3/8", or "job/8": the part whose number, from 0, the environment variable
// JOB_COMPLETION_INDEX has, as Kubernetes gives it to the pods of an Indexed Job.
func ParsePart(text string, getenv func(string) string) (*Part, error) {
	a, b, ok := strings.Cut(text, "/")
	if a == "job" {
		index, err := strconv.Atoi(getenv("JOB_COMPLETION_INDEX"))
		if err != nil {
			return nil, fmt.Errorf("%q: JOB_COMPLETION_INDEX is %q, expected a number, as the pods of an Indexed Job have it", text, getenv("JOB_COMPLETION_INDEX"))
		}
		a = strconv.Itoa(index + 1)
	}
	p, err1 := strconv.Atoi(a)
	of, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || p < 1 || of < p || of > MaxCount {
		return nil, fmt.Errorf("%q is no part of a run, allowed: I/N, as 3/8, I from 1 to N, or job/N in a pod of an Indexed Job", text)
	}
	return &Part{p, of}, nil
}

// Balanced spreads n images evenly over texts, whose numbers labels gives.
func Balanced(n int, texts []string, label func(i int) int) (counts []Count) {
	for i, t := range texts {
		if m := n*(i+1)/len(texts) - n*i/len(texts); m > 0 {
			counts = append(counts, Count{label(i), t, m})
		}
	}
	return counts
}

// block is one request's images, n, the first of which has number first in the whole run.
type block struct {
	first, n, label int
	text            string
	seed            uint64
}

// blocks are those of the plan's part, one after the other.
func (p *Plan) blocks() []block {
	var all []block
	first := 0
	for _, c := range p.Counts {
		for n := c.N; n > 0; {
			b := block{first, min(n, core.MaxCount), c.Label, c.Text, p.Request.Seed + uint64(len(all))}
			all = append(all, b)
			n, first = n-b.n, first+b.n
		}
	}
	if p.Part == nil {
		return all
	}
	return all[len(all)*(p.Part.Part-1)/p.Part.Of : len(all)*p.Part.Part/p.Part.Of]
}

// images counts the images of blocks.
func images(all []block) (n int) {
	for _, b := range all {
		n += b.n
	}
	return n
}
