package command

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A network that is told words, as tools/train leaves it in a folder, becomes a model with a vocabulary.
func TestVocabulary(t *testing.T) {
	const folder = "../../../testdata/golden-modern/few_tiny"
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	code, out, notes := quantize("-gptq", "-calibration", "2", "-o", file("words.dit8"), folder)
	if code != 0 {
		t.Fatal(notes)
	}
	has(t, "the summary", out, "7 words, 2 styles")
	has(t, "the notes", notes, "the words are those of "+filepath.Join(folder, "vocabulary.json"), "it predicts the clean image (x0), as config.json says")
	has(t, "inspect", must(t, "inspect", file("words.dit8")), "x0 on the flow clock for an average velocity", "4 steps, guidance 1, shift 3", "made for   1 2 4 20 steps",
		"words      7: blue, box", "styles     2: noto, fluent-3d", "synonyms   2")
	h, _ := header(t, file("words.dit8"))
	equal(t, "a synonym", fmt.Sprint(h.Info.Vocabulary.Synonyms["valentine"]), "[heart box]")

	model := filepath.Join(folder, "model.safetensors")
	write := func(name, from, to string) string {
		text := readFile(t, filepath.Join(folder, "vocabulary.json"))
		if !strings.Contains(text, from) {
			t.Fatalf("no %s in %s", from, text)
		}
		if err := os.WriteFile(file(name), []byte(strings.Replace(text, from, to, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	config := []string{"-config", filepath.Join(folder, "config.json"), "-o", file("other.dit8"), "-f"}
	must(t, append(config, "-vocabulary", write("examples.json", `["blue fox", "cat with a hat"]`, `["a blue fox"]`), model)...)
	h, _ = header(t, file("other.dit8"))
	equal(t, "examples", fmt.Sprint(h.Info.Vocabulary.Examples), "[a blue fox]")
	if err := os.WriteFile(file("labels.txt"), []byte("a\nb\nc\nd\ne\nf\ng\nh\ni\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	must(t, append(config, "-labels", file("labels.txt"), model)...)
	if h, _ = header(t, file("other.dit8")); h.Info.Vocabulary != nil {
		t.Error("-labels names classes, and there is a vocabulary")
	}
	refused(t, "", []refusal{
		{1, "missing.json: no such file", append(config, "-vocabulary", file("missing.json"), model)},
		{1, "6 words and 2 styles, the checkpoint has 9 rows", append(config, "-vocabulary", write("short.json", `"box", `, ``), model)},
		{1, `words 0 and 1 of the vocabulary are "cot" and "box"`, append(config, "-vocabulary", write("unsorted.json", `"blue"`, `"cot"`), model)},
		{1, `the synonym "kitty" stands for "lion"`, append(config, "-vocabulary", write("synonym.json", `["cat"]`, `["lion"]`), model)},
		{2, "-labels and -vocabulary both say", append(config, "-vocabulary", "a", "-labels", "b", model)},
	})
}
