#pragma once
#include <xgrad/func/jvp.hpp>
