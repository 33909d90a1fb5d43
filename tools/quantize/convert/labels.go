package convert

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"dit8/core"
	"dit8/tools/quantize/labels"
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

// LabelsError is a mistake in a file of class names, which it names.
type LabelsError struct {
	File string
	Err  error
}

func (e *LabelsError) Error() string { return e.File + ": " + e.Err.Error() }
func (e *LabelsError) Unwrap() error { return e.Err }

// ClassNames reads class names; without a file they are the classes' numbers. What was
// made of names that are there twice the notes say.
func ClassNames(path string, classes int) (names, notes []string, err error) {
	switch path {
	case "":
		names = make([]string, classes)
		for i := range names {
			names[i] = strconv.Itoa(i)
		}
		return names, nil, nil
	case ImageNet:
		names = strings.Split(strings.TrimSpace(imagenet), "\n")
		if len(names) != classes {
			return nil, nil, fmt.Errorf("-labels imagenet: ImageNet has %d classes, the checkpoint %d", len(names), classes)
		}
		return names, nil, nil
	}
	names, err = labels.ReadFile(path)
	if err == nil {
		err = fits(len(names), classes)
	}
	if err != nil {
		return nil, nil, &LabelsError{path, err}
	}
	twice := labels.Number(names)
	if len(twice) > 0 {
		notes = append(notes, fmt.Sprintf("%s: names that are there twice are numbered: %s", path, strings.Join(twice, ", ")))
	}
	if err := core.CheckClasses(names); err != nil {
		return nil, nil, &LabelsError{path, err}
	}
	return names, notes, nil
}

// fits compares the number of names with that of the classes.
func fits(names, classes int) error {
	switch names {
	case classes:
		return nil
	case classes + 1:
		return fmt.Errorf("%d names, the checkpoint has %d classes and, in the last row of its table, a null class: -no-null-class if that is a class too", names, classes)
	case classes - 1:
		return fmt.Errorf("%d names, the checkpoint has %d classes (without -no-null-class the last row of its table is the null class)", names, classes)
	}
	return fmt.Errorf("%d names, the checkpoint has %d classes", names, classes)
}
