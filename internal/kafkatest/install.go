package kafkatest

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

//go:embed kafka.xml
var kafkaPOM []byte

var version = regexp.MustCompile(`<kafka\.version>(.+)</kafka\.version>`)

// installed returns where scripts/install-tools.sh has put what a POM names, or an error if it has not, or has by
// another POM.
func installed(name string, pom []byte) (string, error) {
	if _, err := exec.LookPath("java"); err != nil {
		return "", fmt.Errorf("kafkatest: java is not installed")
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("kafkatest: %w", err)
		}
		cache = filepath.Join(home, ".cache")
	}
	dir := filepath.Join(cache, "cachet", name+"-"+string(version.FindSubmatch(pom)[1]))
	stamp, err := os.ReadFile(filepath.Join(dir, "pom.xml")) //nolint:gosec // a path of ours
	if err != nil || !bytes.Equal(stamp, pom) {
		return "", fmt.Errorf("kafkatest: %s is not installed in %s", name, dir)
	}
	return dir, nil
}
