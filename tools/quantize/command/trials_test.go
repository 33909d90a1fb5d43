package command

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

const trials = "../../../testdata/trials/"

// What training programs save in other ways gives the model that good.pt gives, and
// the notes say what was chosen and what was left out.
func TestCheckpointsOfAllKinds(t *testing.T) {
	convert := func(file string, args ...string) (model []byte, notes string) {
		out := filepath.Join(t.TempDir(), "m.dit8")
		code, _, errs := quantize(append(append([]string{"-num-heads", "3", "-name", "m", "-o", out}, args...), trials+file)...)
		if code != 0 {
			t.Errorf("%s: %s", file, errs)
			return nil, errs
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b, errs
	}
	good, _ := convert("good.pt", "-convention", "ours")
	for _, c := range []struct {
		file  string
		other bool // weights or a convention that differ from good.pt's
		args  []string
		notes []string
	}{
		{file: "good.pt", notes: []string{"the last of 4 rows of the class table is taken for the null class (-no-null-class"}},
		{file: "repa-projectors.pt", other: true, notes: []string{"2 tensors projectors.* are left out", "family repa"}},
		{file: "repa-args.pt", other: true, notes: []string{"family repa"}},
		{file: "numpy-scalar.pt"},
		{file: "path-in-args.pt"},
		{file: "ema-pytorch.pt", other: true, notes: []string{`weights "ema_model" of the file, without online_model (-weights chooses)`, "left out: initted, step"}},
		{file: "ema-pytorch.pt", other: true, args: []string{"-weights", "online_model"}, notes: []string{`weights "online_model" of the file, without ema_model`}},
		{file: "ema-decay-buffers.pt", notes: []string{"left out: decay, num_updates"}},
		{file: "fsdp.pt", notes: []string{`"_fsdp_wrapped_module." is taken out of`}},
		{file: "block-compiled.pt", notes: []string{`"_orig_mod." is taken out of`}},
		{file: "model_state_dict.pt", notes: []string{`weights "model_state_dict"`}},
		{file: "timm-model_ema.pt", other: true, notes: []string{`weights "model_ema" of the training checkpoint (-weights chooses: model too)`}},
		{file: "timm-model_ema.pt", other: true, args: []string{"-weights", "model"}, notes: []string{`weights "model" of the training checkpoint (-weights chooses: model_ema too)`}},
		{file: "sit-args.pt"},
		{file: "safetensors-called.pt"},
		{file: "no-null-class.pt", other: true, args: []string{"-no-null-class"}, notes: []string{"no null class: 3 classes, guidance 1 only"}},
	} {
		b, notes := convert(c.file, append(c.args, "-convention", "ours")...)
		has(t, c.file+"'s notes", notes, c.notes...)
		if !c.other && !bytes.Equal(b, good) {
			t.Errorf("%s: another model than good.pt's", c.file)
		}
	}
	b, _ := convert("repa-args.pt") // without -convention
	if with, _ := convert("repa-args.pt", "-convention", "ours"); !bytes.Equal(b, with) {
		t.Error("repa-args.pt: -convention ours changes what is known")
	}
	refused(t, "", []refusal{
		{1, `__metadata__: "epoch" is 3, allowed are strings`, []string{"-num-heads", "3", "-dry-run", trials + "metadata-number.safetensors"}},
		{1, "-convention sit, but what a repa predicts is known", []string{"-num-heads", "3", "-dry-run", "-convention", "sit", trials + "repa-args.pt"}},
		{1, "-ignore nothing.*: no tensor's name matches", []string{"-num-heads", "3", "-dry-run", "-ignore", "nothing.*", trials + "good.pt"}},
		{1, "pos_embed is missing", []string{"-num-heads", "3", "-dry-run", "-ignore", "pos_embed", trials + "good.pt"}},
		{1, "-no-null-class if that is a class too", []string{"-num-heads", "3", "-dry-run", "-labels", trials + "labels-twice.json", trials + "no-null-class.pt"}},
		{1, "guidance is 3, allowed: 1: the network was trained without a null class", []string{"-num-heads", "3", "-dry-run", "-no-null-class", "-guidance", "3", trials + "no-null-class.pt"}},
		{1, "labels-newline.json: the name of class 0 has a control character", []string{"-num-heads", "3", "-dry-run", "-labels", trials + "labels-newline.json", trials + "good.pt"}},
	})
}

// Labels of all shapes give the names of the classes.
func TestLabelsOfAllKinds(t *testing.T) {
	for file, want := range map[string]string{
		"labels-twice.json": "crane, panda, crane (2)", "labels-keras.json": "tench, goldfish, great_white_shark", "labels-id2label.json": "fox, panda, cat",
		"labels.txt": "fox, panda, cat", "labels-digits.json": "7, 0, 1", "labels-nfd.json": "caf\u00e9, panda, cat",
	} {
		out := filepath.Join(t.TempDir(), "m.dit8")
		must(t, "-num-heads", "3", "-convention", "ours", "-labels", trials+file, "-o", out, trials+"good.pt")
		has(t, file, must(t, "inspect", out), "3: "+want+"\n")
	}
	_, _, notes := quantize("-num-heads", "3", "-convention", "ours", "-labels", trials+"labels-twice.json", "-dry-run", trials+"good.pt")
	has(t, "the notes", notes, "labels-twice.json: names that are there twice are numbered: crane (2)")
}

// The names that a diffusers pipeline's model_index.json or a config.json has are taken.
func TestLabelsBeside(t *testing.T) {
	dir := t.TempDir()
	b, err := os.ReadFile(trials + "good.pt")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "transformer")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{
		filepath.Join(folder, "net.pt"):        b,
		filepath.Join(dir, "model_index.json"): []byte(`{"_class_name": "DiTPipeline", "id2label": {"0": "fox", "1": "panda", "2": "cat"}}`),
	} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "m.dit8")
	code, _, notes := quantize("-num-heads", "3", "-convention", "ours", "-o", out, dir)
	if code != 0 {
		t.Fatal(notes)
	}
	has(t, "the notes", notes, "net.pt of the folder", "the classes' names are those of", "model_index.json")
	has(t, "the model", must(t, "inspect", out), "3: fox, panda, cat\n")
}
