//go:build !linux

package proctest

import (
	"fmt"
	"os/exec"
	"strings"
)

func dieWithParent(*exec.Cmd) {}

// children returns the processes that a process has forked.
func children(of int) []int {
	out, _ := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output() //nolint:noctx // it is quick
	var pids []int
	for line := range strings.Lines(string(out)) {
		var pid, parent int
		if _, err := fmt.Sscan(line, &pid, &parent); err == nil && parent == of {
			pids = append(pids, pid)
		}
	}
	return pids
}
