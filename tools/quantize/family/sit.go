package family

import "dit8/tools/quantize/checkpoint"

// SiT is the network of willisma/SiT (models.py): DiT's, trained as a flow. Only the
// arguments of its training tell them apart.
var SiT = Family{
	Name: "sit", ImageNet: true,
	Is:   func(c *checkpoint.Checkpoint) bool { return isDiT(c) && trainedAsSiT(c) && !other(c) },
	Read: readDiT,
}

// trainedAsSiT looks for the arguments of SiT/train.py.
func trainedAsSiT(c *checkpoint.Checkpoint) bool {
	return !trainedAsREPA(c) && (c.Args["path_type"] != "" || c.Args["prediction"] != "")
}
