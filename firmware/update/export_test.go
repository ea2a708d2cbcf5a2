package update

// Sum and CRC are what the controller has instead of the standard library's.
func Sum(data []byte) (out [32]byte) {
	var d digest
	d.reset()
	for len(data) > 0 {
		n := min(len(data), 1+len(data)%37)
		d.write(data[:n])
		data = data[n:]
	}
	d.sum(&out)
	return out
}

func CRC(data []byte) uint32 { return crc(data) }
