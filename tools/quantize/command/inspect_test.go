package command

import (
	"encoding/json"
	"testing"
)

func TestInspect(t *testing.T) {
	blob := small(t)
	var js struct {
		Bytes      int64
		Parameters int
		Config     struct{ Depth int }
		Tensors    []struct{ Name, DType string }
	}
	if err := json.Unmarshal([]byte(must(t, "inspect", "-json", blob)), &js); err != nil {
		t.Fatal(err)
	}
	equal(t, "bytes", js.Bytes, int64(len(readFile(t, blob))))
	equal(t, "depth", js.Config.Depth, 1)
	equal(t, "the number of tensors", len(js.Tensors), 22)
	if js.Parameters == 0 {
		t.Error("no parameters")
	}
	has(t, "inspect", must(t, "inspect", blob), "blocks.0.attn.qkv.weight", "the first 3 channels", "all checksums right")
	refused(t, "inspect", []refusal{
		{2, "no file named", nil},
		{1, "not a .dit8 file", []string{good}},
	})
}
