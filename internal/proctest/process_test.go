package proctest_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/proctest"
)

// parent is set in a process that plays a test which is about to be killed.
const parent = "PROCTEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parent) == "" {
		m.Run()
		return
	}
	p, err := proctest.Start(exec.Command("sh", "-c", "echo $$; exec sleep 600"))
	if err == nil {
		err = p.Await(func() error {
			if p.Output() == "" {
				return errors.New("silent")
			}
			return nil
		})
	}
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Output())
	select {}
}

func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return !strings.Contains(string(stat), ") Z ") // nobody may have waited for it
}

func TestAServerDiesWithTheTestThatIsKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux kills what a process leaves behind")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parent+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.True(t, alive(pid))
	require.NoError(t, cmd.Process.Kill())
	assert.Eventually(t, func() bool { return !alive(pid) }, 10*time.Second, 10*time.Millisecond)
	_ = cmd.Wait()
}

func TestAProcessThatEndsIsNotWaitedFor(t *testing.T) {
	p, err := proctest.Start(exec.Command("sh", "-c", "echo why; exit 1"))
	require.NoError(t, err)
	err = p.Await(func() error { return errors.New("never") })
	require.ErrorIs(t, err, proctest.ErrEnded)
	assert.ErrorContains(t, err, "why")
	require.NoError(t, p.Kill())
	require.NoError(t, p.End(syscall.SIGTERM))
}

func TestAKillEndsWhatWasForked(t *testing.T) {
	p, err := proctest.Start(exec.Command("sh", "-c", "sleep 600 & echo $!; wait"))
	require.NoError(t, err)
	require.NoError(t, p.Await(func() error {
		if p.Wrote("\n") == 0 {
			return errors.New("silent")
		}
		return nil
	}))
	pid, err := strconv.Atoi(p.Output())
	require.NoError(t, err)
	require.NoError(t, p.Kill())
	assert.Eventually(t, func() bool { return !alive(pid) }, 10*time.Second, 10*time.Millisecond)
}
