// Package nearest guesses what was meant by a name that is none.
package nearest

import "strings"

// maxLen bounds the bytes of what a guess is made for.
const maxLen = 200

// minCut is the least length of a beginning that is taken for a name's.
const minCut = 3

// Name is the name that is closest to s in edit distance, if close enough to
// be a likely misspelling or extension, else the shortest that begins with s; else "".
// Capitals count as small letters.
func Name(s string, names []string) string {
	if len(s) > maxLen {
		return ""
	}
	s = strings.ToLower(s)
	best, limit := "", max(2, len(s)/3)+1
	begun := ""
	for _, n := range names {
		lower := strings.ToLower(n)
		if d := editDistance(s, lower, limit); d < limit && d < len(n) {
			best, limit = n, d
		}
		if len(s) >= minCut && strings.HasPrefix(lower, s) && (begun == "" || len(n) < len(begun)) {
			begun = n
		}
	}
	if best == "" {
		return begun
	}
	return best
}

// editDistance is how many letters of a must change, go, come or swap with the next to
// make b, or limit when it is not below.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		older, old, row = old, row, older
		row[0] = i + 1
		for j := range len(b) {
			cost := old[j]
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(cost, row[j]+1, old[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
	}
	return min(row[len(b)], limit)
}
