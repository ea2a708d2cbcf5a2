package token

// Instructions that a test has to send on their own.
var (
	InitMetadata = initMetadata
	SetPair      = setPair
	InitPointer  = initPointer
	Memo         = memo
)

// Numbers of InitPointer.
const (
	MetadataPointer    = metadataPointer
	GroupPointer       = groupPointer
	GroupMemberPointer = groupMemberPointer
)
