package command

import (
	"strings"
	"testing"
)

func TestVerify(t *testing.T) {
	blob := small(t)
	out := must(t, "verify", "-max-rel", "0.1", "-reference", goldens+"edge/forward.safetensors", blob)
	if !strings.HasPrefix(out, "out          relative error ") {
		t.Errorf("verify printed %q", out)
	}
	sit := small(t)
	must(t, "-f", "-num-heads", "4", "-type", "f32", "-convention", "sit", "-o", sit, goldens+"sit_tiny/model.safetensors")
	out = must(t, "verify", "-max-rel", "1e-6", "-reference", goldens+"sit_tiny/sample_heun2_11pts_cfg4.safetensors", sit)
	has(t, "a trajectory", out, "final ", "PSNR ", "traj ", "points")
	out = must(t, "verify", "-max-rel", "1e-5", "-reference", goldens+"sit_tiny/forward.safetensors", sit)
	has(t, "outputs", out, "out ", "out_cfg ", "fitted")
	refused(t, "verify", []refusal{
		{1, "above -max-rel", []string{"-max-rel", "1e-3", "-cfg-scale", "2", "-reference", goldens + "sit_tiny/sample_euler_10pts_cfg4.safetensors", sit}},
		{1, "above -max-rel", []string{"-max-rel", "1e-3", "-solver", "heun2", "-reference", goldens + "sit_tiny/sample_euler_10pts_cfg4.safetensors", sit}},
	})
}

func TestVerifyFlags(t *testing.T) {
	blob, forward := small(t), goldens+"edge/forward.safetensors"
	refused(t, "verify", []refusal{
		{2, "no file named", []string{"-reference", forward}},
		{2, "-reference is missing", []string{blob}},
		{2, "-max-rel is NaN", []string{"-max-rel", "NaN", "-reference", forward, blob}},
		{2, "-cfg-channels is -1", []string{"-cfg-channels", "-1", "-reference", forward, blob}},
		{2, "-solver says nothing of what", []string{"-solver", "euler", "-reference", forward, blob}},
		{2, "-cfg-channels says nothing of what", []string{"-cfg-channels", "0", "-reference", goldens + "sit_tiny/sample_euler_10pts_cfg4.safetensors", blob}},
		{1, "no tensor out", []string{"-reference", goldens + "diffusers/official_model.safetensors", blob}},
		{1, "tensor x: shape is [4 4 8 8], expected [4 4 4 4]", []string{"-reference", goldens + "dit_tiny/forward.safetensors", blob}},
		{1, "above -max-rel", []string{"-max-rel", "1e-9", "-reference", forward, blob}},
		{1, "no such file", []string{"-reference", "nope.safetensors", blob}},
		{1, "not a .dit8 file", []string{"-reference", forward, good}},
	})
}
