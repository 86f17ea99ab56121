# cmake -DBUILD= -DSOURCE= -DPYTHON= -P wheel_test.cmake
#
# Makes the wheel, installs it into a fresh environment without network, and uses it there as somebody else would.

set(ROOT ${BUILD}/wheel_test)
file(REMOVE_RECURSE ${ROOT})
file(MAKE_DIRECTORY ${ROOT})
unset(ENV{PYTHONPATH})

include(${CMAKE_CURRENT_LIST_DIR}/../installed_testing.cmake)

run(COMMAND ${SOURCE}/scripts/wheel.sh ${BUILD} FOLDER ${SOURCE} OUT wheel)
expect_match("${wheel}" "/midstream-[0-9.]+-cp311-abi3-linux_[a-z0-9_]+\\.whl$")
run(COMMAND ${PYTHON} -m venv --system-site-packages ${ROOT}/venv)
set(BIN ${ROOT}/venv/bin)
run(COMMAND ${BIN}/pip install --no-index --disable-pip-version-check ${wheel})

# It stands alone: nothing of the build tree is used.
run(COMMAND ${BIN}/python -c
            "import midstream, midstream._engine as e\nprint(midstream.__file__, e.__file__, open('/proc/self/maps').read())"
    OUT places)
expect_match("${places}" "^${ROOT}/venv/lib/[^ ]*/midstream/__init__.py ${ROOT}/venv/lib/[^ ]*/midstream/_engine.abi3.so ")
expect_match("${places}" "${ROOT}/venv/lib/[^ ]*/midstream/lib/libmidstream.so")
if(places MATCHES "${BUILD}/lib/")
  message(FATAL_ERROR "the wheel uses ${BUILD}/lib:\n${places}")
endif()

# The example of the README as it stands there.
write_readme_example(python ${ROOT}/example.py)
run(COMMAND ${BIN}/python ${ROOT}/example.py FOLDER ${SOURCE} OUT answer)
expect_match("${answer}" "^version 3: the first image is a 2$")

# The policy: ten updates, of which the last is the best.
run(COMMAND ${BIN}/python sdk/python/examples/online_policy.py FOLDER ${SOURCE} OUT answer)
expect_match("${answer}" "^version  2: update +[0-9.]+ ms, inference +[0-9.]+ ms, accuracy .*\nversion 11: .*accuracy  9[0-9.]+%$")

# The command and the packager.
run(COMMAND ${BIN}/midstream backends OUT backends)
expect_match("${backends}" "cpu_blas.*reference|reference.*cpu_blas")
file(WRITE ${ROOT}/policy.py "def run(x): return x\n")
run(COMMAND ${BIN}/python -m midstream.package create ${ROOT}/policy.mspkg --entry policy:run --source ${ROOT} --input
            "x: float32[batch]" --output "y: float32[batch]")
run(COMMAND ${BIN}/python -m midstream.package verify ${ROOT}/policy.mspkg OUT verified)
expect_match("${verified}" "sound, 1 entries")
file(GLOB plugin ${ROOT}/venv/lib/*/site-packages/midstream/lib/midstream/python.so)
if(plugin)
  file(WRITE ${ROOT}/run.py "import midstream
engine = midstream.Engine(set={'placement.order': ['python', 'reference']})
print(engine.load('${ROOT}/policy.mspkg').session().run(x=[1, 2.5])['y'])
")
  run(COMMAND ${BIN}/python ${ROOT}/run.py OUT answer)
  expect_match("${answer}" "1\\. +2\\.5")
endif()
