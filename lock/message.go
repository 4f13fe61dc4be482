package lock

import (
	"strconv"
	"strings"
)

// message says that a lock was let go of. The zero message says that it is time to look.
type message struct {
	fence         int64  // of who let it go
	first, second string // the process that it is reserved for, and the next in line; empty if there is none
}

// parseMessage takes what it does not understand for a reason to look.
func parseMessage(s string) message {
	fields := strings.Split(s, " ")
	if len(fields) != 3 {
		return message{}
	}
	fence, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return message{}
	}
	return message{fence: fence, first: fields[1], second: fields[2]}
}
