# cmake -DBUILD= -DSOURCE= -DCXX= -DCC= -DSANITIZE= -P install_test.cmake

set(ROOT ${BUILD}/install_test)
set(PREFIX ${ROOT}/prefix)
set(DIGITS ${SOURCE}/tests/data/digits)
file(REMOVE_RECURSE ${ROOT})
file(MAKE_DIRECTORY ${ROOT})

include(${CMAKE_CURRENT_LIST_DIR}/../installed_testing.cmake)

# The example of the README is the one that is compiled here.
write_readme_example(cpp ${ROOT}/example.cc)

run(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX})

# The command finds its plugins in the installed tree, wherever that lies.
run(COMMAND ${PREFIX}/bin/midstream backends OUT backends)
expect_match("${backends}" "cpu_blas.*reference|reference.*cpu_blas")

# With CMake.
file(COPY ${SOURCE}/tests/install/project DESTINATION ${ROOT})
set(flags "")
if(SANITIZE)
  set(flags "-fsanitize=${SANITIZE}")
endif()
run(COMMAND ${CMAKE_COMMAND} -G Ninja -S project -B cmake -DCMAKE_PREFIX_PATH=${PREFIX} -DCMAKE_CXX_COMPILER=${CXX}
            -DCMAKE_C_COMPILER=${CC} -DEXAMPLE=${ROOT}/example.cc -DC_PROGRAM=${SOURCE}/tests/e2e/c_program.c
            -DCMAKE_CXX_FLAGS=${flags} -DCMAKE_C_FLAGS=${flags} -DMS_SANITIZE=${SANITIZE})
run(COMMAND ${CMAKE_COMMAND} --build cmake)
run(COMMAND ${ROOT}/cmake/example FOLDER ${SOURCE} OUT answer)
expect_match("${answer}" "version 2: the first image is a 2")
run(COMMAND cmake/c_program ${DIGITS})

# The plugin, by its absolute path.
run(COMMAND ${PREFIX}/bin/midstream backends --operators --set "plugins.list=[\"${ROOT}/cmake/relu_only.so\"]"
            --backend relu_only OUT backends)
expect_match("${backends}" "relu_only.*one operator")
run(COMMAND ${PREFIX}/bin/midstream run ${DIGITS}/mnist_deep_model.ckpt-4000 --set
            "plugins.list=[\"${ROOT}/cmake/relu_only.so\"]" --backend relu_only --set optimizer.fuse=false --set
            placement.fallback=allow --input Placeholder=${DIGITS}/eval_images.npy --output accuracy/ArgMax OUT classes)
expect_match("${classes}" "int64 .297.\n  2 8 2 6")

# With pkg-config.
set(ENV{PKG_CONFIG_PATH} ${PREFIX}/lib/pkgconfig)
set(ENV{LD_LIBRARY_PATH} ${PREFIX}/lib)
run(COMMAND pkg-config --cflags --libs midstream OUT options)
separate_arguments(options UNIX_COMMAND "${options}")
separate_arguments(flags UNIX_COMMAND "${flags}")
run(COMMAND ${CXX} -std=c++20 ${flags} example.cc -o example ${options})
run(COMMAND ${ROOT}/example FOLDER ${SOURCE})
run(COMMAND ${CC} -std=c11 ${flags} ${SOURCE}/tests/e2e/c_program.c -o c_program ${options})
run(COMMAND ./c_program ${DIGITS})
