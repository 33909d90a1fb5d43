package convert

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dit8/tools/quantize/checkpoint"
)

// ImageNet stands for a file with the names of ImageNet's classes.
const ImageNet = "imagenet"

// imagenet.txt has the English names of the 1000 classes of ImageNet (ILSVRC 2012), one
// a line, in the order of the class index, which is that of the sorted WordNet ids. They
// are the first names of WordNet's synsets, as listed in imagenet_classes of
// TensorFlow.js's MobileNet (Apache 2.0). Where two are alike, also but for case, they
// are told apart: crane (bird) and crane (machine), maillot and tank suit, Cardigan
// Welsh corgi (beside Pembroke Welsh corgi) and cardigan.
//
//go:embed imagenet.txt
var imagenet string

// ClassNames reads class names; without a file they are the classes' numbers.
func ClassNames(path string, classes int) ([]string, error) {
	names := make([]string, classes)
	if path == "" {
		for i := range names {
			names[i] = strconv.Itoa(i)
		}
		return names, nil
	}
	if path == ImageNet {
		names = strings.Split(strings.TrimSpace(imagenet), "\n")
		if len(names) != classes {
			return nil, fmt.Errorf("-labels imagenet: ImageNet has %d classes, the checkpoint %d", len(names), classes)
		}
		return names, nil
	}
	var raw json.RawMessage
	if err := checkpoint.ReadJSON(path, &raw); err != nil {
		return nil, err
	}
	if json.Unmarshal(raw, &names) == nil {
		if len(names) != classes {
			return nil, fmt.Errorf("%s: %d names, the checkpoint has %d classes", path, len(names), classes)
		}
		return names, nil
	}
	var object map[string]string
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("%s: neither an array of names nor an object from numbers to names", path)
	}
	if len(object) != classes {
		return nil, fmt.Errorf("%s: %d names, the checkpoint has %d classes", path, len(object), classes)
	}
	for i := range names {
		n, ok := object[strconv.Itoa(i)]
		if !ok {
			return nil, fmt.Errorf("%s: no name for class %d", path, i)
		}
		names[i] = n
	}
	return names, nil
}
