package api

import (
	"fmt"
	"strconv"
	"strings"

	"dit8/core"
)

// Config is what whoever runs the server chooses.
type Config struct {
	Tokens  []string // bearer tokens, one of which requests to /v1 need; none: open to all
	Origins []string // of the pages that may read answers; none: all
	Limits
}

// Limits bound what one request may cost, and how many may wait.
type Limits struct {
	Steps   int // model evaluations of a request
	Count   int // images of a request
	Pixels  int // in all images of an answer
	Body    int // bytes of a request's body
	Waiting int // requests that wait while one is computed
}

// variable is an environment variable that sets a limit.
type variable struct {
	name     string
	to       *int
	low, top int
}

func (l *Limits) variables() []variable {
	return []variable{
		{"DIT8_MAX_STEPS", &l.Steps, 1, core.MaxSteps},
		{"DIT8_MAX_COUNT", &l.Count, 1, core.MaxCount},
		{"DIT8_MAX_PIXELS", &l.Pixels, 1, 1 << 26},
		{"DIT8_MAX_BODY", &l.Body, 1, 1 << 26},
		{"DIT8_MAX_WAITING", &l.Waiting, 0, 10000},
	}
}

// ConfigFromEnv reads the configuration from environment variables: the limits
// DIT8_MAX_…, and DIT8_TOKENS and DIT8_ORIGINS, lists with commas. Those that are
// empty leave a limit as it is in usual.
func ConfigFromEnv(getenv func(string) string, usual Limits) (Config, error) {
	c := Config{Tokens: list(getenv("DIT8_TOKENS")), Origins: list(getenv("DIT8_ORIGINS")), Limits: usual}
	for _, v := range c.variables() {
		text := getenv(v.name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < v.low || n > v.top {
			return c, fmt.Errorf("%s is %q, allowed: %d to %d", v.name, text, v.low, v.top)
		}
		*v.to = n
	}
	return c, nil
}

func list(text string) (items []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
