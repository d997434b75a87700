# Where the programs of a control plane are, for the suites that start one. Sourced after
# go_programs.sh, in the root of the tree; not run.

# has_control_plane FOLDER
has_control_plane() {
  for program in kube-apiserver kube-controller-manager kubectl; do
    [ -x "$1/$program" ] || return 1
  done
  [ -x "$1/etcd" ] || [ -x "$1/server" ]
}

# control_plane_folder: prints where they are or will be: KUBEBUILDER_ASSETS, or the cache.
control_plane_folder() {
  if [ -n "${KUBEBUILDER_ASSETS:-}" ] && has_control_plane "$KUBEBUILDER_ASSETS"; then
    echo "$KUBEBUILDER_ASSETS"
  else
    cache_folder cluster tests/cluster/go.mod tests/cluster/go.sum
  fi
}

# build_control_plane FOLDER: builds them from the modules of tests/cluster, for can_build_go.
build_control_plane() {
  local version
  version=$(kubernetes_version tests/cluster)
  echo "building the control plane ($version) once; this takes some minutes"
  build_go tests/cluster "$1" -ldflags="$(version_flags "$version")" tool
}

# can_build_go SUITE FOLDER: skips the suite where the modules in FOLDER can't be built.
can_build_go() {
  find_go >/dev/null || skip "$1" "there is no Go toolchain (1.26), and KUBEBUILDER_ASSETS names no folder with kube-apiserver, kube-controller-manager, kubectl and etcd"
  kubernetes_version "$2" >/dev/null 2>&1 || skip "$1" "this Go can't read $2/go.mod; it takes Go 1.26"
}

# kubernetes_version FOLDER: prints the version that the modules in FOLDER name.
kubernetes_version() {
  (cd "$1" && GOTOOLCHAIN=local "$(find_go)" list -m -f '{{.Version}}' k8s.io/kubernetes)
}

# version_flags VERSION: what the linker writes into a program, so that it says which it is.
version_flags() {
  local minor=${1#v1.}
  echo "-s -w -X k8s.io/component-base/version.gitVersion=$1 \
    -X k8s.io/component-base/version.gitMajor=1 \
    -X k8s.io/component-base/version.gitMinor=${minor%%.*}"
}
