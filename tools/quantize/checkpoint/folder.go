package checkpoint

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// folderFiles are the names under which a folder may hold weights, the best first. What
// stands between the dots is a variant of diffusers': fp16, ema.
var folderFiles = []*regexp.Regexp{
	regexp.MustCompile(`^diffusion_pytorch_model(\.\w+)?\.safetensors$`),
	regexp.MustCompile(`^diffusion_pytorch_model(\.\w+)?\.safetensors\.index(\.\w+)?\.json$`),
	regexp.MustCompile(`^model(\.\w+)?\.safetensors$`),
	regexp.MustCompile(`^model(\.\w+)?\.safetensors\.index(\.\w+)?\.json$`),
	regexp.MustCompile(`^(diffusion_pytorch_model|pytorch_model)(\.\w+)?\.bin$`),
	regexp.MustCompile(`^(diffusion_pytorch_model|pytorch_model)(\.\w+)?\.bin\.index(\.\w+)?\.json$`),
}

// others are the endings of what is taken where it is the only one.
var others = regexp.MustCompile(`(?i)\.(safetensors|pt|pth|ckpt|bin)$`)

// part is a shard, which is not a checkpoint alone.
var part = regexp.MustCompile(`-\d+-of-\d+\.`)

// inFolder finds the weights in a folder, or in one of the folders parts of a pipeline.
// note says which of several it took.
func inFolder(dir string, parts []string) (path, note string, err error) {
	dirs := []string{dir}
	for _, p := range parts {
		dirs = append(dirs, filepath.Join(dir, p))
	}
	for _, d := range dirs {
		entries, err := os.ReadDir(d)
		if err != nil && d == dir {
			return "", "", err
		}
		var names, all []string
		for _, e := range entries {
			names = append(names, e.Name())
			if others.MatchString(e.Name()) && !part.MatchString(e.Name()) && !strings.Contains(e.Name(), "_stats") {
				all = append(all, e.Name())
			}
		}
		for _, like := range folderFiles {
			found := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !like.MatchString(n) })
			slices.SortStableFunc(found, func(a, b string) int { return len(a) - len(b) }) // without a variant first
			if len(found) > 1 {
				note = fmt.Sprintf("%s of the folder; it has %s too", found[0], strings.Join(found[1:], ", "))
			}
			if len(found) > 0 {
				return filepath.Join(d, found[0]), note, nil
			}
		}
		torch := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return strings.EqualFold(filepath.Ext(n), ".safetensors") })
		if len(torch) > 0 {
			all = torch // safetensors files also hold other things than weights
		}
		if len(all) == 2 {
			if decoder, _, ok := pair(filepath.Join(d, all[0])); ok && slices.Contains(all, filepath.Base(decoder)) {
				return decoder, "", nil
			}
		}
		switch len(all) {
		case 0:
		case 1:
			return filepath.Join(d, all[0]), fmt.Sprintf("%s of the folder", all[0]), nil
		default:
			return "", "", fmt.Errorf("%s: the folder has several files of weights, name one: %s", dir, some(all))
		}
	}
	return "", "", fmt.Errorf("%s: the folder has none of diffusion_pytorch_model.safetensors, model.safetensors, pytorch_model.bin, their index or another file of weights, nor has a folder %s in it", dir, strings.Join(parts, " or "))
}
